-- flags: allow-oom
-- include: steps text trail lanes groups complete ends dependencies waits
-- Times out tokens past their limit, and makes the jobs ready that wait for them.
--   ARGV  at most so many
-- Returns how many.

local count = expire_tokens(tonumber(ARGV[1]))
tell_sleepers()
return count
