-- flags: no-writes
-- include: lanes groups pauses
-- Returns the pauses that hold now; see lib/pauses.lua.

return list_pauses()
