-- flags: allow-oom
-- include: text trail lanes groups complete ends dependencies change filter
-- Makes jobs that ended without completing pending again, attempts reset, oldest first, some at a time.
--   ARGV  filter (JSON), index (dead:f or dead:c), cursor, how many candidates, most jobs
-- Returns {cursor to go on from, or '' at the end; ids moved}.

local filter, cursor, count, most = cjson.decode(ARGV[1]), ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local moved = {}
local ids = walk(ARGV[2], filter, cursor, count)
for _, id in ipairs(ids) do
  if #moved >= most then break end
  cursor = id
  if matches(id, filter) and retry_job(read_job(id), true, false) then moved[#moved + 1] = id end
end
return { (#ids < count or #moved >= most) and '' or cursor, moved }
