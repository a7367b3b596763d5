-- flags: allow-oom
-- include: text schedules
-- Removes a schedule. Jobs that it added stay.
--   ARGV  id
-- Returns 1 if there was one.

local s = read_schedule(ARGV[1])
if s == nil then return 0 end
remove_schedule(s)
return 1
