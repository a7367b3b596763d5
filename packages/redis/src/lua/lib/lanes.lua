-- Where a live job waits. Each lane has its own index, and only these functions touch them:
--   r  r:<priority> and rt:<priority>:<type>, sets of places in the ready order (see bits.lua); rl and tl:<type> list the priorities in
--      use. A place is the job's id, or a number drawn later: then the hash places has the id
--   t  due, a zset by due time
--   g  gq:<group>, a zset by falling priority, then place
--   d  nothing: see dependencies.lua
--   w  ww, a set; see waits.lua. Suspended jobs, in t or w, are in the zset waits by id
--   p  pp:<pause>, a set of places; see pauses.lua
--   x  h:<worker>, a hash of job id and token
-- Ready jobs of groups are also in gr. How many jobs of a group have a place (are ready or executing, or hold it between two
-- attempts, or while they are paused) is in the hash gs; groups that may have room for waiting jobs are in the zset gw, by the time they were woken.

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
  elseif lane == 'p' then
    mark('pp:' .. j.pz, tonumber(j.s or j.id), true)
    if j.s then call('HSET', P .. 'places', j.s, j.id) end
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
  elseif lane == 'p' then
    mark('pp:' .. j.pz, tonumber(j.s or j.id), false)
    if j.s then call('HDEL', P .. 'places', j.s) end
  elseif lane == 'x' then
    local ids = unleased[j.w]
    if ids then ids[#ids + 1] = j.id else unleased[j.w] = { j.id } end
    if j.cq then call('HDEL', P .. 'cr:' .. j.w, j.id .. ':' .. j.tok) end
  end
end
