-- flags: allow-oom
-- include: lanes complete
-- Deletes jobs that failed for good or were cancelled before a time, oldest first, with all that belongs to them. One that another job
-- waits for stays, and one whose end has not been told to all who waited.
--   ARGV  status (f or c), days to keep, most jobs to look at, how many of the oldest to pass over
-- Returns {how many went, how many of those looked at stay}.

local status, before = ARGV[1], now - tonumber(ARGV[2]) * 86400000
local count, kept = 0, 0
local ids = call('ZRANGEBYSCORE', P .. 'ended:' .. status, '-inf', '(' .. whole(before), 'LIMIT', ARGV[4], ARGV[3])
for _, id in ipairs(ids) do
  local is_awaited = call('EXISTS', P .. 'dp:' .. id, P .. 'dk:' .. id, P .. 'dw:' .. id) > 0 or call('HEXISTS', P .. 'noted', id) == 1
  if is_awaited then
    kept = kept + 1
  else
    delete_job(read_job(id))
    mark('dead:' .. status, tonumber(id), false)
    call('ZREM', P .. 'ended:' .. status, id)
    count = count + 1
  end
end
return { count, kept }
