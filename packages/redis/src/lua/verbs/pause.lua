-- flags: allow-oom
-- include: lanes groups pauses
-- Pauses jobs; under a scope that is paused, replaces why, by whom and until when.
--   ARGV  type, group key, tenant, reason, by, until in ms; '' for what there is not
-- Returns 1; 0 if the end is not in the future.

local function given(at)
  return ARGV[at] ~= '' and ARGV[at] or nil
end

local p = { type = given(1), gk = given(2), tn = given(3), reason = given(4), by = given(5), till = tonumber(given(6)) }
if p.till and p.till <= now then return 0 end
local packed = call('HGET', P .. 'ps', pause_field(p))
local before = packed and cmsgpack.unpack(packed) or nil
p.id = before and before.id or call('INCR', P .. 'pause_ids')
p.at = before and is_in_force(before) and before.at or now
call('HSET', P .. 'ps', pause_field(p), cmsgpack.pack(p))
return 1
