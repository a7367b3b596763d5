-- Schedules. The client works out ticks, periods and jitter, which need calendars; the server's clock decides what is due, and a
-- comparison with the next tick decides who adds its job.
--   s:<id>  hash of a schedule: name tenant owner status (a, p) revision; rule, def, tmpl: JSON as the client reads it; times: what must
--           differ for the next tick to change; job: stored type, payload and fields, as JSON list; overlap (1), next, lastTick,
--           lastPeriod, lastEnqueued, lastJob, lastSkippedAt, lastSkip, created, updated
--   sa      zset of all, by id; sn the hash of names; sd the zset of active ones by their next tick
--   tz:<id> zset of ticks dealt with; th:<id> hash of {outcome}:{job}:{when} by tick. Outcomes: j added, r run on request,
--           o the one before had not finished, m missed, p its period had one, u somebody asked

local function read_schedule(id)
  local flat = call('HGETALL', P .. 's:' .. id)
  if #flat == 0 then return nil end
  local s = { id = id }
  for at = 1, #flat, 2 do s[flat[at]] = flat[at + 1] end
  return s
end

local function set_schedule(s, fields)
  local key = P .. 's:' .. s.id
  for name, value in pairs(fields) do
    if value == false or value == '' then
      call('HDEL', key, name)
      s[name] = nil
    else
      if type(value) == 'number' then value = whole(value) end
      call('HSET', key, name, value)
      s[name] = value
    end
  end
  if s.status == 'a' and s.next then call('ZADD', P .. 'sd', s.next, s.id) else call('ZREM', P .. 'sd', s.id) end
end

local function name_field(tenant, name)
  return (tenant or '') .. '\31' .. name
end

-- A definition in ARGV from `at` on: the number of fields, then name and value of each. Answers it and the position after it.
local function read_definition(at)
  local fields = {}
  local count = tonumber(ARGV[at])
  for n = at + 1, at + 2 * count, 2 do fields[ARGV[n]] = ARGV[n + 1] end
  return fields, at + 1 + 2 * count
end

-- The id of a new schedule; nil when the tenant has one of this name.
local function add_schedule(d, owner)
  local field = name_field(d.tenant ~= '' and d.tenant or nil, d.name)
  if call('HEXISTS', P .. 'sn', field) == 1 then return nil end
  local id = whole(call('INCR', P .. 'schedule_ids'))
  call('HSET', P .. 'sn', field, id)
  call('ZADD', P .. 'sa', id, id)
  d.status, d.revision, d.created, d.updated, d.owner = 'a', '1', now, now, owner or false
  set_schedule({ id = id }, d)
  return id
end

-- Replaces the definition; one without `next` keeps its next tick.
local function replace_schedule(s, d)
  d.name, d.tenant = nil, nil
  d.revision, d.updated = tonumber(s.revision) + 1, now
  set_schedule(s, d)
end

local function remove_schedule(s)
  call('HDEL', P .. 'sn', name_field(s.tenant, s.name))
  call('ZREM', P .. 'sa', s.id)
  call('ZREM', P .. 'sd', s.id)
  call('DEL', P .. 's:' .. s.id, P .. 'tz:' .. s.id, P .. 'th:' .. s.id)
end

-- Notes what became of a tick; false when it has been dealt with before. The latest 1,000 stay.
local function note_tick(s, tick, outcome, job)
  if call('ZADD', P .. 'tz:' .. s.id, 'NX', tick, tick) == 0 then return false end
  call('HSET', P .. 'th:' .. s.id, tick, outcome .. ':' .. (job or '') .. ':' .. whole(now))
  if call('ZCARD', P .. 'tz:' .. s.id) > 1000 then
    local oldest = call('ZPOPMIN', P .. 'tz:' .. s.id)[1]
    call('HDEL', P .. 'th:' .. s.id, oldest)
  end
  return true
end

-- Adds the job of a tick under an id that was drawn.
local function add_scheduled(s, id, tick, delay, manual)
  local list = cjson.decode(s.job)
  local j = { n = list[1], p = list[2] }
  for at = 3, #list, 2 do j[list[at]] = list[at + 1] end
  j.sc = '{"id":' .. s.id .. ',"name":' .. quote(s.name) .. ',"tick":' .. tick .. (manual and ',"manual":true}' or '}')
  if delay > 0 then j.run = whole(now + delay) end
  insert_job(id, j, false)
  if j.l == 'r' or j.l == 'g' then release(priority(j)) end
  return j.n
end
