-- flags: 
-- include: text schedules
-- Replaces a definition unless it was edited since it was read.
--   ARGV  id, revision, the definition; without `next` the next tick stays
-- Returns 1 if it was replaced.

local s = read_schedule(ARGV[1])
if s == nil or s.revision ~= ARGV[2] then return 0 end
replace_schedule(s, (read_definition(3)))
wake('s')
return 1
