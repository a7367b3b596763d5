-- flags: no-writes
-- What the handlers of a job logged, oldest first; see write_logs.
--   ARGV  id, only lines after the one with this id, at most so many
-- Returns how many lines are gone, then those that are there.

local after, most = tonumber(ARGV[2]), tonumber(ARGV[3])
local answer = { tonumber(call('HGET', P .. 'lz:' .. ARGV[1], 'dropped') or 0) }
for _, text in ipairs(call('LRANGE', P .. 'lg:' .. ARGV[1], 0, -1)) do
  if #answer > most then break end
  local line = cmsgpack.unpack(text)
  if line[1] > after then
    answer[#answer + 1] = { line[1], whole(line[2]), line[3], line[4], line[5], line[6] }
  end
end
return answer
