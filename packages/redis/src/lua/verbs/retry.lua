-- flags: allow-oom
-- include: text trail lanes groups complete ends dependencies change
-- Makes a job pending again that failed, was cancelled, is between two attempts, or executes: then its lease is revoked.
--   ARGV  id
-- Returns 1 changed, 0 not, -1 there is no such job.

local j = read_job(ARGV[1])
if j == nil then return -1 end
return retry_job(j, false, true) and 1 or 0
