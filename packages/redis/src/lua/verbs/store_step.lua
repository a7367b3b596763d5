-- flags: 
-- include: steps text trail lanes groups complete ends dependencies waits
-- Stores a step of a running attempt. A done step stays as it is.
--   ARGV  id, token, key, attempt, tries, ms it took, status (d, f), rich (1), result, error (JSON; '' none)
-- Returns 1; 0 if the attempt no longer held its lease.

local j = read_job(ARGV[1])
if not holds_lease(j, ARGV[2]) then return 0 end
local text = call('HGET', P .. 'st:' .. j.id, ARGV[3])
local before = text and cmsgpack.unpack(text) or nil
if before and before.status == 'd' then return 1 end
if ARGV[7] == 'd' then set_fields(j, { go = ARGV[2] }) end
local seq = next_step()
write_step(j.id, {
  key = ARGV[3], seq = before and before.seq or seq, ended_seq = seq, token = ARGV[2], attempt = tonumber(ARGV[4]),
  tries = before and before.tries + 1 or tonumber(ARGV[5]), kind = 's', status = ARGV[7], rich = ARGV[8] == '1', timed_out = false,
  started = now - math.floor(tonumber(ARGV[6])), ended = now, result = ARGV[9] ~= '' and ARGV[9] or nil,
  error = ARGV[10] ~= '' and ARGV[10] or before and before.error or nil,
})
return 1
