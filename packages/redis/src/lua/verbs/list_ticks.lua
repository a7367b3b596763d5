-- flags: no-writes
-- The latest ticks of a schedule, newest first.
--   ARGV  id, at most so many
-- Returns tick and {outcome}:{job}:{when}, flat.

local answer = {}
for _, tick in ipairs(call('ZREVRANGE', P .. 'tz:' .. ARGV[1], 0, tonumber(ARGV[2]) - 1)) do
  answer[#answer + 1] = tick
  answer[#answer + 1] = call('HGET', P .. 'th:' .. ARGV[1], tick)
end
return answer
