-- flags: no-writes
-- include:
-- What became of a step.
--   ARGV  id, token, key
-- Returns d it is stored, n it is not, l the attempt has lost its lease.

local text = call('HGET', P .. 'st:' .. ARGV[1], ARGV[3])
local step = text and cmsgpack.unpack(text)
if step and step.token == ARGV[2] and step.status == 'd' then return 'd' end
local j = read_job(ARGV[1])
return j and j.l == 'x' and j.tok == ARGV[2] and 'n' or 'l'
