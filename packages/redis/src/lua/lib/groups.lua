-- Places in groups; see lanes.lua.

local function is_queue(key)
  return string.byte(key) == 30
end

local function keeps_place(j)
  return j.gk ~= nil and is_queue(j.gk) and j.gt ~= 'pass'
end

local function has_place(j)
  return j.gk ~= nil and (j.l == 'r' or j.l == 'x' or j.hp ~= nil)
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
