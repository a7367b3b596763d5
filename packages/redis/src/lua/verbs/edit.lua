-- flags: 
-- include: text trail lanes groups complete ends dependencies change changes
-- Changes a job that has not started or is between two attempts.
--   ARGV  id, note (JSON), then name, 1 and value, or name, 0 and '' to clear, of each field
-- Returns 1 changed, 0 not, -1 there is no such job.

local j = read_job(ARGV[1])
if j == nil then return -1 end
local changes = read_changes(3)
local changed = edit_job(j, changes, ARGV[2])
if changed and wakes(changes) then wake('r') end
return changed and 1 or 0
