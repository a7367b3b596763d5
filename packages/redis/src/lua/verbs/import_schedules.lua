-- flags:
-- include: text schedules
-- Adds schedules whose names are free.
--   ARGV  how many, then of each the number of its fields, their names and values (see lib/schedules.lua)
-- Returns how many.

local count, at = 0, 2
for _ = 1, tonumber(ARGV[1]) do
  local d
  d, at = read_definition(at)
  local moved = { status = d.status, owner = d.owner, created = d.created }
  local id = add_schedule(d)
  if id then
    set_schedule(read_schedule(id), moved)
    count = count + 1
  end
end
if count > 0 then wake('s') end
return count
