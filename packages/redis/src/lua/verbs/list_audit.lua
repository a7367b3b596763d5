-- flags: no-writes
-- What was noted, newest first; see begin_audit.
--   ARGV  only ids below this ('' any), at most so many
-- Returns {id, at, actor, action, target, outcome or '', result or ''} of each.

local from = (tonumber(ARGV[1]) or tonumber(call('GET', P .. 'audit_ids') or 0) + 1) - 1
local found = {}
while from > 0 and #found < tonumber(ARGV[2]) do
  local packed = call('HGET', P .. 'au', from)
  -- Ids follow one another, so what is missing was dropped, and all before it.
  if not packed then break end
  local entry = cmsgpack.unpack(packed)
  found[#found + 1] = { whole(from), entry[1], entry[2], entry[3], entry[4], entry[5], entry[6] }
  from = from - 1
end
return found
