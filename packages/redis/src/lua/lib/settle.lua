-- Settlements that are no plain completion; of each in ARGV: id, token, kind, delay, error, message, reason, output, unstarted, number of
-- children, the children (see add.lua), number of waits, their keys (JSON texts for error, message and output; '' for what there is not).

-- Whether this attempt was settled in this way before, by a call whose reply was lost. What a rescue or a retry recorded of it is no
-- settlement of its own: such an attempt is lost.
local function was_settled(j, token, kind)
  if kind == 'completed' then return j.l == 'k' and j.tok == token end
  if kind == 'released' and j.tok == token and j.l == 'r' then return true end
  for _, text in ipairs(call('LRANGE', P .. 'g:' .. j.id, 0, -1)) do
    local entry = cjson.decode(text)
    if entry.token and whole(entry.token) == token and entry.reason ~= 'worker_lost' then
      local wanted = kind == 'retry' and 'failed' or kind
      if entry.outcome == wanted or (entry.outcome == 'cancelled' and kind ~= 'failed') then return true end
    end
  end
  return false
end

local function try_again(j, s)
  local failed = s.kind == 'retry'
  trail_attempt(j, failed and 'failed' or 'snoozed', s.err, s.reason)
  leave(j)
  local at = now + s.delay
  local holds = keeps_place(j)
  local fields = { l = 't', w = false, cq = false }
  if failed then
    fields.na, fields.lf, fields.fr, fields.cr = at, now, s.reason, false
    call('ZADD', P .. 'again', j.id, j.id)
  else
    fields.run, fields.a = at, attempts(j) - 1
  end
  if holds then fields.hp = '1' end
  set_fields(j, fields)
  enter(j, 't', at)
  if j.gk and not holds then leave_group(j.gk) end
end

-- Ready again in its old place; a grouped job keeps the place in its group.
local function hand_back(j, unstarted)
  if now - tonumber(j.cl) >= 200 then trail_attempt(j, 'released') end
  leave(j)
  local first = attempts(j) == 1 and call('EXISTS', P .. 'st:' .. j.id) == 0
  local fields = { l = 'r', w = false, a = attempts(j) - 1 }
  if first then
    fields.st = false
    if unstarted then fields.hv = false end
  end
  set_fields(j, fields)
  enter(j, 'r')
end

local function settle_other(j, s, keep)
  if s.kind == 'completed' then
    complete_job(j, s.output, keep)
    if s.children then
      local _, _, levels = add_batch(s.children)
      for level in pairs(levels) do release(level) end
    end
  elseif s.kind == 'failed' then
    end_job(j, 'f', s.err, s.message, s.reason)
  elseif s.kind == 'cancelled' or j.cq then
    end_job(j, 'c', s.err, s.message, s.reason)
  elseif s.kind == 'waiting' then
    suspend(j, s.waits)
  elseif s.kind == 'released' then
    hand_back(j, s.unstarted)
  elseif s.kind == 'retry' and attempts(j) >= max_attempts(j) then
    end_job(j, 'f', s.err, s.message, s.reason)
  else
    try_again(j, s)
  end
end

-- Refuses the whole call, before its first write, for a child whose prerequisite does not exist.
local function refuse_orphans(settlements, keep)
  for _, s in ipairs(settlements) do
    local f = s.children and call('HMGET', job_key(s.id), 'l', 'tok')
    if f and f[1] == 'x' and f[2] == s.token then
      local missing = missing_of(s.children, not keep)
      if #missing > 0 then error({ err = 'INPUT dependsOn.jobIds of a child: one or more job ids do not exist (' .. table.concat(missing, ', ') .. ')' }) end
    end
  end
end

local function settle_others(settlements, keep, lost)
  for _, s in ipairs(settlements) do
    local j = read_job(s.id)
    if j and j.l == 'x' and j.tok == s.token then
      settle_other(j, s, keep)
      if not keep and s.kind == 'completed' then worked_off[s.id .. ':' .. s.token] = true end
    elseif not (j and was_settled(j, s.token, s.kind)) and not worked_off[s.id .. ':' .. s.token] then
      lost[#lost + 1] = s.id
      lost[#lost + 1] = s.token
    end
  end
end

local function some(text) if text ~= '' then return text end end

local function read_settlements(at, count)
  local settlements = {}
  for n = 1, count do
    local s = {
      id = ARGV[at], token = ARGV[at + 1], kind = ARGV[at + 2], delay = tonumber(ARGV[at + 3]) or 0, err = some(ARGV[at + 4]),
      message = some(ARGV[at + 5]), reason = some(ARGV[at + 6]), output = some(ARGV[at + 7]), unstarted = ARGV[at + 8] == '1',
    }
    local children = tonumber(ARGV[at + 9])
    at = at + 10
    if children > 0 then s.children, at = read_jobs(at, children) end
    s.waits = {}
    for n = at + 1, at + tonumber(ARGV[at]) do s.waits[ARGV[n]] = true end
    at = at + 1 + tonumber(ARGV[at])
    settlements[n] = s
  end
  return settlements, at
end
