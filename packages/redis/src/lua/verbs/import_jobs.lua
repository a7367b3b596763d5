-- flags:
-- include: steps text trail lanes groups complete ends dependencies
-- Adds jobs that were never imported from this source; the set im:<source> has those that were, by their ids there.
--   ARGV  source, number of jobs; of each: its id there, its id here, lane, due time ('' none), flags, tenant of its schedule, number of
--         fields, their names and values; the trail, open prerequisites, steps, signals, tokens: each a JSON list or '' for none
--         flags: k holds its key, p had a place in its group, b its barrier is closed
-- Returns {how many were added, how many keys somebody else has}.

local set, at, imported, taken = 'im:' .. ARGV[1], 3, 0, 0

local function take(count)
  at = at + count
  return unpack(ARGV, at - count, at - 1)
end

local function each(text, act)
  if text ~= '' then
    for _, item in ipairs(cjson.decode(text)) do act(item) end
  end
end

-- Whether a job may keep the place that it had.
local function take_place(j)
  local limit = is_queue(j.gk) and 1 or tonumber(call('HGET', P .. 'meta', 'limit') or 1000000)
  if tonumber(call('HGET', P .. 'gs', j.gk) or 0) >= limit then return false end
  call('HINCRBY', P .. 'gs', j.gk, 1)
  return true
end

-- The schedule that has the name here; of none, a number that is no schedule's.
local function find_schedule(j, tenant)
  local s = cjson.decode(j.sc)
  local id = call('HGET', P .. 'sn', tenant .. '\31' .. s.name) or whole(-math.abs(s.id))
  j.sc = '{"id":' .. id .. ',"name":' .. quote(s.name) .. ',"tick":' .. whole(s.tick) .. (s.manual and ',"manual":true}' or '}')
  if tonumber(id) > 0 and call('ZADD', P .. 'tz:' .. id, 'NX', s.tick, whole(s.tick)) == 1 then
    call('HSET', P .. 'th:' .. id, whole(s.tick), (s.manual and 'r' or 'j') .. ':' .. j.id .. ':' .. j.c)
  end
end

local function write_job(j)
  if is_long(j.p) then
    call('SET', P .. 'p:' .. j.id, j.p)
    j.p = nil
  end
  local flat = {}
  for name, value in pairs(j) do
    if name ~= 'id' then
      flat[#flat + 1] = name
      flat[#flat + 1] = value
    end
  end
  call('HSET', job_key(j.id), unpack(flat))
end

local function join_lane(j, due, flags)
  local held = string.find(flags, 'p', 1, true) ~= nil and take_place(j)
  if j.l == 'r' and j.gk and not held then j.l = 'g' end
  if j.l == 't' and held then j.hp = '1' end
  if j.na then call('ZADD', P .. 'again', j.id, j.id) end
  if has_waits(j) and (j.l == 't' or j.l == 'w') then call('ZADD', P .. 'waits', j.id, j.id) end
  mark('live', tonumber(j.id), true)
  live_tag_index('ZADD', j)
  enter(j, j.l, due)
end

-- What was read in the order of ending stays in it; ended jobs are told by `fin`, and what has ended before is before them.
local function join_ended(j)
  if j.l == 'k' then
    mark('done', tonumber(j.id), true)
    finished[#finished + 1] = j.id
    if j.tr then call('RPUSH', P .. 'trails', j.id) end
  else
    mark('dead:' .. j.l, tonumber(j.id), true)
    call('ZADD', P .. 'ended:' .. j.l, j.fin, j.id)
  end
end

local function import_token(t, job)
  local fields = {}
  for name, value in pairs(t[2]) do
    fields[#fields + 1] = name
    fields[#fields + 1] = value
  end
  call('HSET', P .. 'wp:' .. t[1], unpack(fields))
  call('HSET', P .. 'wp:' .. t[1], 'job', job)
  if t[2].status == 'w' and t[2].timeout then call('ZADD', P .. 'wt', t[2].timeout, t[1]) end
  call('SADD', P .. 'jt:' .. job, t[1])
end

for _ = 1, tonumber(ARGV[2]) do
  local there, id, lane, due, flags, tenant, count = take(7)
  local j = { id = id, l = lane }
  for _ = 1, tonumber(count) do
    local name, value = take(2)
    j[name] = value
  end
  local trail, ons, steps, signals, tokens = take(5)
  if not has_number(set, tonumber(there)) then
    mark(set, tonumber(there), true)
    imported = imported + 1
    if j.sc then find_schedule(j, tenant) end
    each(trail, function(entry)
      call('RPUSH', P .. 'g:' .. id, entry)
      j.tr = '1'
    end)
    each(steps, function(step)
      -- Below all places that will be drawn here.
      step.seq = step.seq - 1000000
      step.ended_seq = step.ended_seq and step.ended_seq - 1000000
      write_step(id, step)
      if step.status == 'p' and (step.kind == 'w' or step.kind == 'e') then
        call('SADD', P .. 'aw:' .. step.awaited, id .. ':' .. step.key)
      end
    end)
    each(signals, function(signal) call('RPUSH', P .. 'sg:' .. id, cmsgpack.pack(signal)) end)
    each(tokens, function(token) import_token(token, id) end)
    local un = 0
    each(ons, function(on)
      wait_for(j, whole(on), j.of == 'w')
      un = un + 1
    end)
    if string.find(flags, 'b', 1, true) then
      call('ZADD', P .. 'bar:' .. cjson.decode(j.dt)[1], id, id)
      j.bt = '1'
      un = un + 1
    end
    if un > 0 then
      j.un = un
      call('SADD', P .. 'blocked', id)
    end
    if is_live(j) then join_lane(j, tonumber(due), flags) else join_ended(j) end
    write_job(j)
    tag_index('ZADD', j)
    if string.find(flags, 'k', 1, true) then
      if call('HSETNX', P .. 'keys', key_field(j), id) == 0 then taken = taken + 1
      elseif j.ku then call('ZADD', P .. 'kw', j.ku, key_field(j)) end
    end
  end
end
return { imported, taken }
