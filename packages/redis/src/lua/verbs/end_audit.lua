-- flags: allow-oom
-- Notes how it went; see begin_audit.
--   ARGV  id, outcome (done or failed), result (JSON)

local packed = call('HGET', P .. 'au', ARGV[1])
if not packed then return end
local entry = cmsgpack.unpack(packed)
if entry[5] ~= '' then return end
entry[5], entry[6] = ARGV[2], ARGV[3]
call('HSET', P .. 'au', ARGV[1], cmsgpack.pack(entry))
