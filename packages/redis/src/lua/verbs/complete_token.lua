-- flags: allow-oom
-- include: steps text trail lanes groups complete ends dependencies waits
-- Completes a token that is still waiting, and makes every job ready that waits for it.
--   ARGV  token id, output (JSON), rich (1)
-- Returns changed, unchanged (it had been completed or timed out) or not_found.

local status = call('HGET', P .. 'wp:' .. ARGV[1], 'status')
if not status then return 'not_found' end
if status ~= 'w' then return 'unchanged' end
end_token(ARGV[1], { 'status', 'c', 'output', ARGV[2], 'rich', ARGV[3], 'completed', whole(now) })
tell_sleepers()
return 'changed'
