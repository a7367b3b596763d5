-- What became of attempts, fenced by (id, token). `settle_all` reads from ARGV:
--   the number of completions without children, then id, token and output (JSON, '' none) of each;
--   the number of other settlements; see settle.lua
-- and answers the attempts that no longer held their lease, and the position after what it read.

-- Attempts that were completed in this call whose jobs are not kept.
local worked_off = {}

local function complete_all(first, last, keep, lost)
  for n = first, last, 3 do
    local id, token, output = ARGV[n], ARGV[n + 1], ARGV[n + 2]
    local j = read_job(id)
    if j and j.l == 'x' and j.tok == token then
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
