-- flags: 
-- include: text trail lanes groups complete ends dependencies change changes filter
-- Changes pending jobs that match, some at a time, by ascending id.
--   ARGV  filter (JSON), cursor, how many candidates, note (JSON), then fields as in edit.lua
-- Returns {cursor to go on from, or '' at the end; number changed}.

local filter, cursor, count = cjson.decode(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local changes = read_changes(5)
local changed = 0
local ids = walk('live', filter, cursor, count)
for _, id in ipairs(ids) do
  cursor = id
  if is_upcoming(id) and matches(id, filter) and edit_job(read_job(id), changes, ARGV[4]) then changed = changed + 1 end
end
if changed > 0 and wakes(changes) then wake('r') end
return { #ids < count and '' or cursor, changed }
