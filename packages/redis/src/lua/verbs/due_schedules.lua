-- flags: no-writes
-- include: schedules_due
-- Active schedules whose time has come, the longest overdue first.
--   ARGV  at most so many
-- Returns {now, ms to the next tick or '', id and fields of each}.

local answer = {}
for _, id in ipairs(call('ZRANGEBYSCORE', P .. 'sd', '-inf', now, 'LIMIT', 0, tonumber(ARGV[1]))) do
  answer[#answer + 1] = { id, call('HGETALL', P .. 's:' .. id) }
end
return { whole(now), schedules_due(), answer }
