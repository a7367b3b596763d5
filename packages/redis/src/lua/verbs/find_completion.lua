-- flags: no-writes
-- include:
-- Whether an attempt has completed its job.
--   ARGV  id, token
-- Returns d it has, n it goes on, l it has lost its lease.

local j = read_job(ARGV[1])
if j and j.tok == ARGV[2] then
  if j.l == 'x' then return 'n' end
  if j.l == 'k' then return 'd' end
end
return 'l'
