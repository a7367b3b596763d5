-- flags: allow-oom
-- include: lanes complete insert add completions
-- rest: text groups trail ends dependencies change keys add_after steps waits settle
-- rest gives: read_settlements refuse_orphans settle_others
-- Settles without claiming.
--   ARGV  keep completed jobs (1), the settlements (see lib/settle.lua)
-- Returns id and token of each attempt that no longer held its lease.

local lost = settle_all(2, ARGV[1] == '1')
tell_sleepers()
return lost
