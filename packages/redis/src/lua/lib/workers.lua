-- Running processors: w:<number> is what one said of itself, wx the zset of when each lease runs out, ws those that sleep, by the same.

-- False once the store has given the worker's leases away.
local function extend_lease(worker, lease_ms)
  local key = P .. 'w:' .. worker
  if call('EXISTS', key) == 0 then return false end
  local expires = whole(now + lease_ms)
  call('HSET', key, 'lastSeenAt', whole(now))
  call('ZADD', P .. 'wx', expires, worker)
  call('ZADD', P .. 'ws', 'XX', expires, worker)
  return true
end
