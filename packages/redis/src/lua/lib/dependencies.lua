-- Jobs that wait for other jobs. A blocked job has `un`, the number of prerequisites that are open, and one more while its tag barrier
-- (`bt`) is closed; it is in lane d, or in t while nothing but the barrier is left and its time has not come.
--   blocked      set of all blocked jobs: users without dependencies probe a key that is not there
--   dp:<job>     zset of those that wait for the job and act when it fails; dk:<job> those that wait on until it has completed
--   do:<job>     set of the open prerequisites of a job
--   bar:<tag>    zset of closed barriers, by the first of their tags
--   dw:<job>     zset of barriers that watch the job: of all that close them, the one whose end makes it worth looking again (`wt`)
--   notes        list of ends of which not all dependents have been told, at most 1,000 in one call; noted counts them by job

local room = 1000
local function unblocked(j)
  call('SREM', P .. 'blocked', j.id)
end

-- Makes a job wait for `on` as well.
local function wait_for(j, on, waits_on)
  call('ZADD', P .. (waits_on and 'dk:' or 'dp:') .. on, j.id, j.id)
  call('SADD', P .. 'do:' .. j.id, on)
end

local function stop_watching(j)
  if j.wt == nil then return end
  call('ZREM', P .. 'dw:' .. j.wt, j.id)
  set_fields(j, { wt = false })
end

-- A job whose last prerequisite was met takes a place at the end of the ready order.
local function let_go(j)
  unblocked(j)
  local lane = ready_lane(j, false)
  set_fields(j, { un = false, l = lane, s = next_seq() })
  enter(j, lane)
  release(priority(j))
end

local function is_due(j)
  return tonumber(j.run or 0) <= now
end

local function put_off(j)
  if tonumber(j.un or 0) == 0 then
    unblocked(j)
    set_fields(j, { un = false })
  end
  set_fields(j, { l = 't' })
  enter(j, 't', tonumber(j.run))
end

-- Takes away one prerequisite.
local function meet(j, on)
  if call('SREM', P .. 'do:' .. j.id, on) == 0 then return end
  local un = tonumber(j.un) - 1
  set_fields(j, { un = un })
  if un > 1 or (un == 1 and j.bt == nil) then return end
  if not is_due(j) then put_off(j)
  elseif un == 1 then open_barrier(j)
  else let_go(j) end
end

-- Whether a job waits, over whatever detour, for another.
local function waits_for(id, other)
  local seen, open = { [id] = true }, { id }
  while #open > 0 do
    local at = table.remove(open)
    if at == other then return true end
    local ons = call('SMEMBERS', P .. 'do:' .. at)
    ons[#ons + 1] = call('HGET', job_key(at), 'wt') or nil
    for _, on in ipairs(ons) do
      if not seen[on] then
        seen[on] = true
        open[#open + 1] = on
      end
    end
  end
  return false
end

local function has_all(tags, wanted)
  local set = {}
  for _, tag in ipairs(tags) do set[tag] = true end
  for _, tag in ipairs(wanted) do
    if not set[tag] then return false end
  end
  return true
end

-- The newest other live job that has all the tags and does not wait itself, else the newest that does not wait for this one: else
-- both would wait for ever.
local function find_blocker(j)
  local wanted = cjson.decode(j.dt)
  local source = nil
  local least = nil
  for _, tag in ipairs(wanted) do
    local count = call('ZCARD', P .. 'lt:' .. tag)
    if least == nil or count < least then source, least = tag, count end
  end
  local waiting = {}
  for at = 0, least - 1, 100 do
    for _, id in ipairs(call('ZREVRANGE', P .. 'lt:' .. source, at, at + 99)) do
      local f = call('HMGET', job_key(id), 'tg', 'tn', 'un')
      if id ~= tostring(j.id) and (f[2] or nil) == j.tn and has_all(cjson.decode(f[1]), wanted) then
        if not f[3] then return id end
        waiting[#waiting + 1] = id
      end
    end
  end
  for _, id in ipairs(waiting) do
    if not waits_for(id, tostring(j.id)) then return id end
  end
  return nil
end

-- Opens the barrier of a job that waits for nothing else and is due, unless something closes it, which is watched then.
open_barrier = function(j)
  if j.l ~= 'd' or j.bt == nil or tonumber(j.un) ~= 1 then return end
  stop_watching(j)
  if not is_due(j) then return put_off(j) end
  local blocker = find_blocker(j)
  if blocker then
    set_fields(j, { wt = blocker })
    call('ZADD', P .. 'dw:' .. blocker, j.id, j.id)
    return
  end
  call('ZREM', P .. 'bar:' .. cjson.decode(j.dt)[1], j.id)
  set_fields(j, { bt = false })
  let_go(j)
end

tags_changed = function(j)
  for _, id in ipairs(call('ZRANGE', P .. 'dw:' .. j.id, 0, -1)) do open_barrier(read_job(id)) end
end

forget_dependencies = function(j)
  if j.un == nil then return end
  for _, on in ipairs(call('SMEMBERS', P .. 'do:' .. j.id)) do
    call('ZREM', P .. 'dp:' .. on, j.id)
    call('ZREM', P .. 'dk:' .. on, j.id)
  end
  call('DEL', P .. 'do:' .. j.id)
  if j.bt then call('ZREM', P .. 'bar:' .. cjson.decode(j.dt)[1], j.id) end
  stop_watching(j)
  set_fields(j, { bt = false })
  unblocked(j)
end

-- What a failure means for barriers that the job was part of; returns false if some are left.
local function fail_barriers(on, root)
  local f = read_job(on)
  if f == nil or f.tg == nil then return true end
  local tags = cjson.decode(f.tg)
  local when = tonumber(f.fin or f.lr or now)
  for _, tag in ipairs(tags) do
    for _, id in ipairs(call('ZRANGE', P .. 'bar:' .. tag, 0, -1)) do
      local j = read_job(id)
      local concerned = j and j.bt and j.of ~= 'r' and id ~= tostring(on) and j.tn == f.tn and tonumber(j.c) <= when
        and has_all(tags, cjson.decode(j.dt)) and call('SISMEMBER', P .. 'do:' .. id, on) == 0
      if concerned then
        if room <= 0 then return false end
        room = room - 1
        if j.of == 'w' then
          -- What closed a barrier and failed becomes a prerequisite of its own.
          stop_watching(j)
          leave(j)
          wait_for(j, on, true)
          set_fields(j, { un = tonumber(j.un) + 1, l = 'd' })
        else
          end_job(j, 'c', nil, nil, nil, root)
        end
      end
    end
  end
  return true
end

-- Tells those in one of the two sets; false if some are left.
local function tell_set(key, on, act)
  while true do
    local ids = call('ZRANGE', key, 0, math.min(room, 500) - 1)
    if room <= 0 then return call('EXISTS', key) == 0 end
    if #ids == 0 then return true end
    for _, id in ipairs(ids) do
      room = room - 1
      call('ZREM', key, id)
      act(read_job(id))
    end
  end
end

local function tell(on, outcome, root)
  local all
  if outcome == 'k' then
    all = tell_set(P .. 'dp:' .. on, on, function(j) meet(j, on) end)
    all = tell_set(P .. 'dk:' .. on, on, function(j) meet(j, on) end) and all
  else
    all = tell_set(P .. 'dp:' .. on, on, function(j)
      if j.of == 'r' then return meet(j, on) end
      end_job(j, 'c', nil, nil, nil, root)
    end)
    all = fail_barriers(on, root) and all
  end
  for _, id in ipairs(call('ZRANGE', P .. 'dw:' .. on, 0, -1)) do
    local j = read_job(id)
    if j and is_live(j) then open_barrier(j) end
  end
  return all
end

local function note(on, outcome, root)
  call('RPUSH', P .. 'notes', on .. ':' .. outcome .. ':' .. root)
  call('HINCRBY', P .. 'noted', on, 1)
end

local ended = {}
local is_telling = false

-- Level by level, without recursion: a chain may be as long as it likes.
local function tell_all()
  if is_telling then return end
  is_telling = true
  local at = 1
  while at <= #ended do
    local e = ended[at]
    if not tell(e[1], e[2], e[3]) then note(e[1], e[2], e[3]) end
    at = at + 1
  end
  ended = {}
  is_telling = false
end

-- Tells those that wait for a job that has just ended as k completed, or f failed for good or cancelled.
tell_ended = function(id, outcome, root)
  if not any_blocked() then return end
  -- A job that failed, was retried and completed while its first end was not told to everybody: one after the other.
  if call('HEXISTS', P .. 'noted', id) == 1 then return note(id, outcome, root or id) end
  ended[#ended + 1] = { id, outcome, root or id }
  tell_all()
end

-- Tells those that earlier calls had no room for.
local function serve_notes()
  local count = call('LLEN', P .. 'notes')
  for _ = 1, count do
    if room <= 0 then return end
    local text = call('LPOP', P .. 'notes')
    local on, outcome, root = string.match(text, '^(%d+):(%a):(%d+)$')
    if tell(on, outcome, root) then
      if call('HINCRBY', P .. 'noted', on, -1) <= 0 then call('HDEL', P .. 'noted', on) end
      tell_all()
    else
      -- First again: ends of one job are told in their order.
      call('LPUSH', P .. 'notes', text)
      tell_all()
      return
    end
  end
end

-- Makes a job wait for those of its prerequisites that have not completed, and for its barrier. With `patient`, one that has failed
-- is waited for: the job was retried knowing it. Returns how many are open, and the first failed one that the job must end with.
local function block(j, patient)
  local un, fatal = 0, nil
  if j.dj then
    local seen = {}
    for _, number in ipairs(cjson.decode(j.dj)) do
      local on = whole(number)
      if not seen[on] then
        seen[on] = true
        local lane = call('HGET', job_key(on), 'l')
        local has_failed = lane == 'f' or lane == 'c'
        if lane and lane ~= 'k' and not (has_failed and j.of == 'r') then
          wait_for(j, on, j.of == 'w')
          un = un + 1
          if has_failed and j.of == nil and not patient and fatal == nil then fatal = on end
        end
      end
    end
  end
  if j.dt then
    call('ZADD', P .. 'bar:' .. cjson.decode(j.dt)[1], j.id, j.id)
    set_fields(j, { bt = '1' })
    un = un + 1
  end
  if un > 0 then
    set_fields(j, { un = un })
    call('SADD', P .. 'blocked', j.id)
    has_blocked = true
  end
  return un, fatal
end

block_again = function(j)
  if block(j, true) == 0 then return false end
  open_barrier(j)
  return true
end
