-- flags: allow-oom
-- Makes an instance, or tells what is there.
--   ARGV  layout of this version, make it (1)
-- Returns {layout found, '' for none; 1 if it was made now}.

local found = call('HGET', P .. 'meta', 'layout')
if found or ARGV[2] ~= '1' then return { found or '', 0 } end
-- See resume.lua.
local run = string.match(call('INFO', 'server'), 'run_id:(%x+)')
call('HSET', P .. 'meta', 'layout', ARGV[1], 'made', whole(now), 'run', run)
return { ARGV[1], 1 }
