-- flags: 
-- include: trail lanes ends dependencies change insert keys
-- Adds jobs: all or none.
--   ARGV  nonce ('' none), notify (1), forgets completed (1), number of jobs; for each job: type, payload (JSON), number of fields, then
--         name and value of each field as stored; `km` is the key mode. Of prerequisites, -1 is the first job of the batch
-- Returns {ids, created flags, sleepers (1/0)}; {'missing', ids} when a prerequisite does not exist: then nothing was added.
-- Invariant: everything that can be refused is refused before the first write.

local nonce, wants_notify, forgets, count = ARGV[1], ARGV[2] == '1', ARGV[3] == '1', tonumber(ARGV[4])
local jobs = {}
local has_keys, has_dependencies = false, false
local at = 5
for n = 1, count do
  local j = { n = ARGV[at], p = ARGV[at + 1] }
  local fields = tonumber(ARGV[at + 2])
  at = at + 3
  for _ = 1, fields do
    j[ARGV[at]] = ARGV[at + 1]
    at = at + 2
  end
  if nonce ~= '' then j.no = nonce end
  if j.ik then has_keys = true end
  if j.dj or j.dt then has_dependencies = true end
  jobs[n] = j
end

local last = tonumber(call('GET', P .. 'ids') or 0)
if has_dependencies then
  local missing, asked = {}, {}
  for n = 1, count do
    for _, on in ipairs(jobs[n].dj and cjson.decode(jobs[n].dj) or {}) do
      if on >= 0 and not asked[on] then
        asked[on] = true
        local is_known = call('EXISTS', job_key(whole(on))) == 1 or (forgets and on >= 1 and on <= last)
        if not is_known then missing[#missing + 1] = whole(on) end
      end
    end
  end
  if #missing > 0 then return { 'missing', missing } end
end

local ids, created = {}, {}
if count > 0 then last = call('INCRBY', P .. 'ids', count) end
for n = 1, count do
  ids[n] = whole(last - count + n)
  created[n] = 1
end
if has_keys then take_keys(jobs, ids, created) end

local levels = {}
local waiting = {}
for n = 1, count do
  local j = jobs[n]
  if created[n] == 1 then
    j.km = nil
    local id = ids[n]
    if j.dj then
      -- Places in the batch become ids; text is built here, so that no number takes another form.
      local ons = {}
      for _, on in ipairs(cjson.decode(j.dj)) do ons[#ons + 1] = on < 0 and ids[-on] or whole(on) end
      j.dj = '[' .. table.concat(ons, ',') .. ']'
    end
    local blocked = j.dj ~= nil or j.dt ~= nil
    insert_job(id, j, blocked)
    if blocked then waiting[#waiting + 1] = j elseif j.l == 'r' or j.l == 'g' then levels[priority(j)] = true end
  end
end
for _, j in ipairs(waiting) do
  -- A prerequisite of this batch may have been cancelled just now, and this one with it.
  if is_live(j) then
    local un, fatal = block(j, false)
    if fatal then
      end_job(j, 'c', nil, nil, nil, fatal)
    elseif un == 0 then
      if is_due(j) then let_go(j) else put_off(j) end
    elseif un == 1 and j.bt then
      open_barrier(j)
    end
    if j.l == 'r' or j.l == 'g' then levels[priority(j)] = true end
  end
end

local sleepers = has_sleepers()
if sleepers and wants_notify then
  local list = {}
  for level in pairs(levels) do list[#list + 1] = level end
  if #list > 0 or has_released then wake(#list <= 50 and not has_released and 'r' .. table.concat(list, ',') or 'r') end
  sleepers = false
end
return { ids, created, sleepers and 1 or 0 }
