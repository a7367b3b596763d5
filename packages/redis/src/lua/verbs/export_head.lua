-- flags: allow-oom
-- What an export begins with.
--   ARGV  a name drawn at random, which the instance takes if it has none
-- Returns {name, lowest id or 0, highest number drawn, attempts under way, ends of which not everybody has been told}.

call('HSETNX', P .. 'meta', 'instance', ARGV[1])
local first = math.huge
for _, index in ipairs({ 'live', 'done', 'dead:f', 'dead:c' }) do
  local id = numbers_from(index, 0, 1)[1]
  if id and id < first then first = id end
end
local running = 0
for _, worker in ipairs(call('ZRANGE', P .. 'wx', 0, -1)) do running = running + call('HLEN', P .. 'h:' .. worker) end
return {
  call('HGET', P .. 'meta', 'instance'), first < math.huge and whole(first) or '0', call('GET', P .. 'ids') or '0', running,
  call('LLEN', P .. 'notes'),
}
