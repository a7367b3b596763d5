-- flags: allow-oom
-- include: text schedules
-- Moves a schedule on by one tick without a job, unless it has moved or was edited since it was read.
--   ARGV  id, revision, the next tick that was read, the tick after ('' none)
-- Returns 1 if it did.

local s = read_schedule(ARGV[1])
if s == nil or s.revision ~= ARGV[2] or s.next ~= ARGV[3] then return 0 end
local last = math.max(tonumber(s.lastTick or ARGV[3]), tonumber(ARGV[3]))
set_schedule(s, { next = ARGV[4], lastTick = last, lastSkippedAt = now, lastSkip = 'u', updated = now })
note_tick(s, ARGV[3], 'u')
return 1
