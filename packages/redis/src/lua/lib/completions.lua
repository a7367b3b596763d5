-- What became of attempts, fenced by (id, token). `settle_all` reads from ARGV:
--   the number of completions without children, then id, token and output (JSON, '' none) of each;
--   the number of other settlements; see settle.lua
-- and answers the attempts that no longer held their lease, and the position after what it read.

-- Attempts that were completed in this call whose jobs are not kept.
local worked_off = {}

-- Records a completion of a job that nothing refers to, which most are; false, and nothing, of any other. To read a job whole costs more
-- than all of this.
local function complete_plainly(id, token, output)
  local key = job_key(id)
  local f = call('HMGET', key, 'l', 'tok', 'w', 'tg', 'gk', 'cq', 'fr', 'tr')
  if f[1] ~= 'x' or f[2] ~= token or f[4] or f[5] or f[6] or f[7] or f[8] then return false end
  local ids = unleased[f[3]]
  if ids then ids[#ids + 1] = id else unleased[f[3]] = { id } end
  local number = tonumber(id)
  mark('live', number, false)
  if output == '' then call('HSET', key, 'l', 'k', 'fin', stamp) else call('HSET', key, 'l', 'k', 'fin', stamp, 'out', output) end
  mark('done', number, true)
  finished[#finished + 1] = id
  return true
end

local function complete_all(first, last, keep, lost)
  local plainly = keep and last > first and not any_blocked()
  for n = first, last, 3 do
    local id, token, output = ARGV[n], ARGV[n + 1], ARGV[n + 2]
    local is_done = plainly and complete_plainly(id, token, output)
    local j = not is_done and read_job(id)
    if is_done then
      -- Nothing is left to do.
    elseif j and j.l == 'x' and j.tok == token then
      complete_job(j, output ~= '' and output or nil, keep)
      if not keep then worked_off[id .. ':' .. token] = true end
    elseif not (j and j.l == 'k' and j.tok == token) and not worked_off[id .. ':' .. token] then
      lost[#lost + 1] = id
      lost[#lost + 1] = token
    end
  end
end

local function settle_all(at, keep)
  local lost = {}
  local first, last = at + 1, at + 3 * tonumber(ARGV[at])
  at = last + 1
  local others = tonumber(ARGV[at])
  if others == 0 then
    complete_all(first, last, keep, lost)
    return lost, at + 1
  end
  local cold = rest()
  local settlements
  settlements, at = cold.read_settlements(at + 1, others)
  cold.refuse_orphans(settlements, keep)
  complete_all(first, last, keep, lost)
  cold.settle_others(settlements, keep, lost)
  return lost, at
end
