-- flags: allow-oom
-- include: text trail lanes groups complete ends dependencies change changes filter
-- Cancels pending jobs that match, some at a time, by ascending id.
--   ARGV  filter (JSON), cursor, how many candidates
-- Returns {cursor to go on from, or '' at the end; ids cancelled}.

local filter, cursor, count = cjson.decode(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local cancelled = {}
local ids = walk('live', filter, cursor, count)
for _, id in ipairs(ids) do
  cursor = id
  if is_upcoming(id) and matches(id, filter) and cancel_job(read_job(id)) == 'changed' then cancelled[#cancelled + 1] = id end
end
tell_sleepers()
return { #ids < count and '' or cursor, cancelled }
