-- flags: allow-oom
-- Notes what somebody is about to do: the hash au of packed {at, actor, action, target, outcome, result} by id, the latest 10,000.
-- Without memory, too: what is noted may be the cancelling or cleaning up that makes room.
--   ARGV  actor, action, target (JSON)
-- Returns the entry's id.

local id = call('INCR', P .. 'audit_ids')
call('HSET', P .. 'au', id, cmsgpack.pack({ whole(now), ARGV[1], ARGV[2], ARGV[3], '', '' }))
call('HDEL', P .. 'au', id - 10000)
return id
