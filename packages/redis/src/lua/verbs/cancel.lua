-- flags: allow-oom
-- include: text trail lanes groups complete ends dependencies change
-- Cancels a job that has not ended, or asks the worker that runs it to stop.
--   ARGV  id
-- Returns changed, requested, unchanged or not_found.

local j = read_job(ARGV[1])
if j == nil then return 'not_found' end
local result = cancel_job(j)
tell_sleepers()
return result
