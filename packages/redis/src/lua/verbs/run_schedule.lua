-- flags: 
-- include: text trail lanes groups complete ends dependencies insert schedules
-- Adds the job of a schedule now, paused or not, whatever runs already. It counts as the job of its period.
--   ARGV  id, period ('' none)
-- Returns {id, type}; '' when there is no such schedule.

local s = read_schedule(ARGV[1])
if s == nil then return '' end
local id = whole(next_seq())
-- Ticks are whole milliseconds, so one that is not takes nobody's place.
local tick = now
while not note_tick(s, whole(tick) .. '.001', 'r', id) do tick = tick + 1 end
local name = add_scheduled(s, id, whole(tick), 0, true)
local fields = { lastJob = id, lastEnqueued = now, updated = now }
if ARGV[2] ~= '' and (s.lastPeriod == nil or ARGV[2] > s.lastPeriod) then fields.lastPeriod = ARGV[2] end
set_schedule(s, fields)
tell_sleepers()
return { id, name }
