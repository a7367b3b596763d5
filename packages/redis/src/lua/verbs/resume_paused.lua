-- flags: allow-oom
-- include: lanes groups pauses
-- Ends a pause. Its jobs are ready again in the order they had; of very many, workers give back the rest.
--   ARGV  type, group key, tenant; '' for what there is not
-- Returns 1; 0 if it was not paused.

local packed = call('HGET', P .. 'ps', ARGV[1] .. '\29' .. ARGV[2] .. '\29' .. ARGV[3])
local p = packed and cmsgpack.unpack(packed) or nil
if p == nil or not is_in_force(p) then return 0 end
p.over = 1
call('HSET', P .. 'ps', pause_field(p), cmsgpack.pack(p))
release_paused()
-- Also those who are to give back the rest.
wake('r')
return 1
