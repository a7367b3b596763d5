-- flags: allow-oom
-- include: workers
-- Extends a worker's lease on everything it runs.
--   ARGV  worker, lease in ms
-- Returns 1; 0 once the store has given its leases away.

return extend_lease(ARGV[1], tonumber(ARGV[2])) and 1 or 0
