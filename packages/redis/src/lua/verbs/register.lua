-- flags: allow-oom
-- include: lanes groups
-- Opens the row of a worker that has just started.
--   ARGV  lease in ms, then names and values of what it says of itself (groupConcurrency only if it sets a limit)
-- Returns its number, new at every boot.

local worker = whole(call('INCR', P .. 'worker_ids'))
local expires = whole(now + tonumber(ARGV[1]))
local fields = { 'startedAt', whole(now), 'lastSeenAt', whole(now) }
for at = 2, #ARGV do fields[#fields + 1] = ARGV[at] end
call('HSET', P .. 'w:' .. worker, unpack(fields))
call('ZADD', P .. 'wx', expires, worker)
call('ZADD', P .. 'ws', expires, worker)
set_group_limit()
return worker
