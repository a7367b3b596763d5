-- flags: allow-oom
-- include: steps text trail lanes groups complete ends dependencies waits
-- Everything a job remembers, for a running attempt; waits that are over by now end here. What has ended comes in the order of ending.
--   ARGV  id, token
-- Returns rows (see lib/steps.lua); 0 if the attempt no longer held its lease.

local j = read_job(ARGV[1])
if not holds_lease(j, ARGV[2]) then return 0 end
local steps = read_steps(j.id)
end_waits(j.id, steps)
table.sort(steps, function(a, b)
  local x, y = a.ended_seq or math.huge, b.ended_seq or math.huge
  return x < y or (x == y and a.seq < b.seq)
end)
local rows = {}
for n, step in ipairs(steps) do rows[n] = step_row(step) end
return rows
