-- flags: allow-oom
-- include: trail lanes ends dependencies change insert keys add steps waits settle
-- Settles without claiming.
--   ARGV  keep completed jobs (1), the settlements (see lib/settle.lua)
-- Returns id and token of each attempt that no longer held its lease.

local lost = settle_all(2, ARGV[1] == '1')
tell_sleepers()
return lost
