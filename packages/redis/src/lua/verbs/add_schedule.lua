-- flags: 
-- include: text schedules
-- Adds a schedule.
--   ARGV  its definition (see lib/schedules.lua)
-- Returns its id; '' when the tenant has one of this name.

local id = add_schedule((read_definition(1)))
if id then wake('s') end
return id or ''
