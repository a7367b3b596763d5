-- flags: allow-oom
-- Adds what a worker saw end to what is there; about once a minute for each worker. Without memory, too: it is little, and then is when
-- somebody looks.
-- Each minute is a hash mm:<minutes since 1970> for three days, and mt that of the sums, by type, U+001F, queue: JSON of
-- {completed, retried, failed, run ms, run counts, wait ms, wait counts}. mtx says when each of mt was last added to.
-- At most 1,000 types and queues are told apart, or one queue for each customer would fill the memory: what comes later is type '*'.
--   ARGV  JSON array of [ms ago, type, queue or '', and these seven]
-- Returns the server's clock in ms.

local function added(one, other)
  if type(other) == 'number' then return one + other end
  local sums = {}
  for at = 1, math.max(#one, #other) do sums[at] = (one[at] or 0) + (other[at] or 0) end
  return sums
end

local function add(key, series, entry)
  local stored = call('HGET', key, series)
  local values = stored and cjson.decode(stored) or { 0, 0, 0, 0, {}, 0, {} }
  for at = 1, 7 do values[at] = added(values[at], entry[at + 3]) end
  call('HSET', key, series, cjson.encode(values))
end

for _, entry in ipairs(cjson.decode(ARGV[1])) do
  local key = P .. 'mm:' .. whole(math.floor((now - entry[1]) / 60000))
  local series = entry[2] .. '\31' .. entry[3]
  if call('HEXISTS', P .. 'mt', series) == 0 and call('HLEN', P .. 'mt') >= 1000 then series = '*\31' end
  add(key, series, entry)
  call('EXPIRE', key, 3 * 86400 + 3600)
  add(P .. 'mt', series, entry)
  call('ZADD', P .. 'mtx', now, series)
end
for _, series in ipairs(call('ZRANGEBYSCORE', P .. 'mtx', '-inf', whole(now - 30 * 86400000), 'LIMIT', 0, 100)) do
  call('HDEL', P .. 'mt', series)
  call('ZREM', P .. 'mtx', series)
end
return whole(now)
