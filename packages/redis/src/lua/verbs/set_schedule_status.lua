-- flags: allow-oom
-- include: text schedules
-- Pauses (p) or resumes (a) a schedule unless it was edited since it was read: what came due meanwhile is not made up.
--   ARGV  id, revision, status, next tick ('' none)
-- Returns 1 if anything changed.

local s = read_schedule(ARGV[1])
if s == nil or s.revision ~= ARGV[2] or s.status == ARGV[3] then return 0 end
local fields = { status = ARGV[3], revision = tonumber(s.revision) + 1, updated = now }
if ARGV[3] == 'a' then fields.next = ARGV[4] end
set_schedule(s, fields)
if ARGV[3] == 'a' then wake('s') end
return 1
