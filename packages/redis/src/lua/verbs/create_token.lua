-- flags: 
-- include: steps text trail lanes groups complete ends dependencies waits
-- Makes a token that something outside completes.
--   ARGV  token id, limit in ms, tags (JSON), job; '' for what there is not; then of a token that a handler makes: lease, key, attempt.
--         A handler that runs again gets the token it made before.
-- Returns the token's id; 0 if the attempt no longer held its lease.

if #ARGV > 4 then
  local j = read_job(ARGV[4])
  if not holds_lease(j, ARGV[5]) then return 0 end
  local known = call('HGET', P .. 'st:' .. j.id, ARGV[6])
  if known then return cmsgpack.unpack(known).awaited end
  local seq = next_step()
  write_step(j.id, {
    key = ARGV[6], seq = seq, ended_seq = seq, token = ARGV[5], attempt = tonumber(ARGV[7]), tries = 1, kind = 'k', status = 'd', rich = false,
    timed_out = false, started = now, ended = now, awaited = ARGV[1],
  })
end
create_token(ARGV[1], ARGV[2], ARGV[3], ARGV[4])
return ARGV[1]
