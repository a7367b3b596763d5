-- flags: 
-- include: steps text trail lanes groups complete ends dependencies waits
-- Stores a wait of a running attempt, unless it is there already, and ends it if it is over at once.
--   ARGV  id, token, key, kind, attempt, delay in ms, time in ms, awaited, filter (JSON); '' for what there is not
-- Returns its row; 0 if the attempt no longer held its lease; -1 if there is no such token.

local j = read_job(ARGV[1])
if not holds_lease(j, ARGV[2]) then return 0 end
local kind, awaited = ARGV[4], ARGV[8] ~= '' and ARGV[8] or nil
if kind == 'w' and call('EXISTS', P .. 'wp:' .. awaited) == 0 then return -1 end
if call('HEXISTS', P .. 'st:' .. j.id, ARGV[3]) == 0 then
  local wait_until = ARGV[7] ~= '' and tonumber(ARGV[7]) or ARGV[6] ~= '' and math.floor(now + tonumber(ARGV[6])) or nil
  write_step(j.id, {
    key = ARGV[3], seq = next_step(), token = ARGV[2], attempt = tonumber(ARGV[5]), tries = 1, kind = kind, status = 'p', rich = false,
    timed_out = false, started = now, wait_until = wait_until, awaited = awaited, filter = ARGV[9] ~= '' and ARGV[9] or nil,
  })
  if kind == 'w' or kind == 'e' then call('SADD', P .. 'aw:' .. awaited, j.id .. ':' .. ARGV[3]) end
end
local steps = read_steps(j.id)
end_waits(j.id, steps)
for _, step in ipairs(steps) do
  if step.key == ARGV[3] then return step_row(step) end
end
