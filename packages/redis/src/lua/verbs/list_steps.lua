-- flags: no-writes
-- include: steps
-- Steps and waits of a job in the order in which they were first stored.
--   ARGV  id

return step_rows(ARGV[1])
