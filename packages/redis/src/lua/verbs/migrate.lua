-- flags: allow-oom
-- Makes an instance, or tells what is there.
--   ARGV  layout of this version, make it (1)
-- Returns {layout found, '' for none; 1 if it was made now}.

local found = call('HGET', P .. 'meta', 'layout')
if found or ARGV[2] ~= '1' then return { found or '', 0 } end
call('HSET', P .. 'meta', 'layout', ARGV[1])
return { ARGV[1], 1 }
