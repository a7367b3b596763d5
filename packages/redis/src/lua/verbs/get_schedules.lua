-- flags: no-writes
-- Schedules by ids; or by name, or all.
--   ARGV  'ids' and ids; 'name', tenant and name; 'all'
-- Returns id and fields of each that exists, oldest first.

local ids = {}
if ARGV[1] == 'ids' then
  for at = 2, #ARGV do ids[#ids + 1] = ARGV[at] end
elseif ARGV[1] == 'name' then
  ids = { call('HGET', P .. 'sn', ARGV[2] .. '\31' .. ARGV[3]) or nil }
else
  ids = call('ZRANGE', P .. 'sa', 0, -1)
end
local answer = {}
for _, id in ipairs(ids) do
  local flat = call('HGETALL', P .. 's:' .. id)
  if #flat > 0 then answer[#answer + 1] = { id, flat } end
end
return answer
