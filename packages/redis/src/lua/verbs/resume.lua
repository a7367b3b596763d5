-- flags: allow-oom
-- Called first on each connection. A server that is another process than the one that wrote last, restarted or promoted, may have lost
-- what that one had acknowledged, and would give the same numbers out again: a token that somebody still holds would fit the attempt of
-- somebody else, and an id would mean another job. So every counter goes to where no server can have been by now: a million a second
-- since the instance was made. (A fixed distance would not do: it may be lost as well, and be gone again.)
-- Returns 1 if it did.
-- Invariant: a number that was given out is never given out again.

local counters = { 'ids', 'tokens', 'worker_ids', 'step_ids' }
local known = call('HMGET', P .. 'meta', 'layout', 'run', 'made')
local run = string.match(call('INFO', 'server'), 'run_id:(%x+)')
if not known[1] or known[2] == run then return 0 end
local made = tonumber(known[3] or now)
call('HSET', P .. 'meta', 'run', run, 'made', whole(made))
for _, name in ipairs(counters) do
  -- The rest is for a clock that was set back.
  local last = tonumber(call('GET', P .. name) or 0)
  call('SET', P .. name, whole(math.max(last, (now - made) * 1000) + 1000000))
end
return 1
