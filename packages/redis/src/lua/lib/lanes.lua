-- Where a live job waits. Each lane has its own index, and only these functions touch them:
--   r  r:<priority> and rt:<priority>:<type>, sets of places in the ready order (see bits.lua); rl and tl:<type> list the priorities in
--      use. A place is the job's id, or a number drawn later: then the hash places has the id
--   t  due, a zset by due time
--   g  gq:<group>, a zset by falling priority, then place
--   d  nothing: see dependencies.lua
--   w  ww, a set; see waits.lua. Suspended jobs, in t or w, are in the zset waits by id
--   x  h:<worker>, a hash of job id and token
-- Ready jobs of groups are also in gr. How many jobs of a group have a place (are ready or executing, or hold it between two
-- attempts) is in the hash gs; groups that may have room for waiting jobs are in the zset gw, by the time they were woken.

local function is_queue(key)
  return string.byte(key) == 30
end

local function keeps_place(j)
  return j.gk ~= nil and is_queue(j.gk) and j.gt ~= 'pass'
end

local function group_member(j)
  return string.format('%016d', tonumber(j.s or j.id)) .. ':' .. j.id
end

local function wake_group(key)
  call('ZADD', P .. 'gw', 'NX', now, key)
end

-- Gives up a place of a group.
local function leave_group(key)
  if call('HINCRBY', P .. 'gs', key, -1) <= 0 then call('HDEL', P .. 'gs', key) end
  wake_group(key)
end

local function has_place(j)
  return j.gk ~= nil and (j.l == 'r' or j.l == 'x' or j.hp ~= nil)
end

-- The sets that a ready job is in.
local function mark_ready(j, on)
  local y, place = priority(j), tonumber(j.s or j.id)
  local level, typed = 'r:' .. y, 'rt:' .. y .. ':' .. j.n
  if on then
    listings[level] = { 'rl', y }
    listings[typed] = { 'tl:' .. j.n, y }
  end
  mark(level, place, on)
  mark(typed, place, on)
end

local function enter(j, lane, due)
  if lane == 'r' then
    mark_ready(j, true)
    if j.s then call('HSET', P .. 'places', j.s, j.id) end
    if j.gk then call('SADD', P .. 'gr', j.id) end
  elseif lane == 't' then
    call('ZADD', P .. 'due', whole(due), j.id)
  elseif lane == 'g' then
    call('ZADD', P .. 'gq:' .. j.gk, -tonumber(priority(j)), group_member(j))
    call('HINCRBY', P .. 'meta', 'waiting', 1)
    wake_group(j.gk)
  elseif lane == 'w' then
    call('SADD', P .. 'ww', j.id)
  end
end

-- Takes a job out of the index of the lane it is in. Its place in a group is not touched.
local function leave(j)
  local lane = j.l
  if (lane == 't' or lane == 'w') and has_waits(j) then call('ZREM', P .. 'waits', j.id) end
  if lane == 'r' then
    mark_ready(j, false)
    if j.s then call('HDEL', P .. 'places', j.s) end
    if j.gk then call('SREM', P .. 'gr', j.id) end
  elseif lane == 't' then
    call('ZREM', P .. 'due', j.id)
  elseif lane == 'g' then
    call('ZREM', P .. 'gq:' .. j.gk, group_member(j))
    call('HINCRBY', P .. 'meta', 'waiting', -1)
  elseif lane == 'w' then
    call('SREM', P .. 'ww', j.id)
  elseif lane == 'x' then
    local ids = unleased[j.w]
    if ids then ids[#ids + 1] = j.id else unleased[j.w] = { j.id } end
    if j.cq then call('HDEL', P .. 'cr:' .. j.w, j.id .. ':' .. j.tok) end
  end
end

-- The lane of a job that has nothing left to wait for but its group.
local function ready_lane(j, holds_place)
  if j.gk == nil or holds_place then return 'r' end
  return 'g'
end

-- Gives places in groups that gained waiting jobs or free places.
local function serve_groups()
  local woken = call('ZPOPMIN', P .. 'gw', 1000)
  if #woken == 0 then return end
  local most = call('HGET', P .. 'meta', 'limit')
  for at = 1, #woken, 2 do
    local key = woken[at]
    local limit = is_queue(key) and 1 or tonumber(most or 1000000)
    local room = math.min(limit - tonumber(call('HGET', P .. 'gs', key) or 0), 1000)
    if room > 0 then
      local waiting = call('ZRANGE', P .. 'gq:' .. key, 0, room - 1)
      for _, member in ipairs(waiting) do
        local j = read_job(string.sub(member, 18))
        leave(j)
        set_fields(j, { l = 'r', s = next_seq() })
        enter(j, 'r')
      end
      if #waiting > 0 then call('HINCRBY', P .. 'gs', key, #waiting) end
      -- More room than one call gives.
      if #waiting == 1000 then wake_group(key) end
    end
  end
end

-- Makes the smallest limit among workers hold, also of one that is late with its beat: it may still come back. A lower limit takes unstarted jobs back out of the ready order; any change wakes
-- every group with waiting jobs.
local function set_group_limit()
  local limit = nil
  for _, worker in ipairs(call('ZRANGE', P .. 'wx', 0, -1)) do
    local own = tonumber(call('HGET', P .. 'w:' .. worker, 'groupConcurrency') or nil)
    if own and (limit == nil or own < limit) then limit = own end
  end
  local old = tonumber(call('HGET', P .. 'meta', 'limit') or nil)
  if limit == old then return end
  if limit then call('HSET', P .. 'meta', 'limit', limit) else call('HDEL', P .. 'meta', 'limit') end
  if limit and (old == nil or limit < old) then
    for _, id in ipairs(call('SMEMBERS', P .. 'gr')) do
      local j = read_job(id)
      if not is_queue(j.gk) then
        leave(j)
        set_fields(j, { l = 'g' })
        enter(j, 'g')
        leave_group(j.gk)
      end
    end
  end
  -- A group with waiting jobs has none ready or running only if it was woken already.
  for _, key in ipairs(call('HKEYS', P .. 'gs')) do wake_group(key) end
end
