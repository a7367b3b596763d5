-- flags: allow-oom
-- Wakes sleeping workers of all processes.
--   ARGV  the message: r and levels, c and a job id, s

wake(ARGV[1])
return 1
