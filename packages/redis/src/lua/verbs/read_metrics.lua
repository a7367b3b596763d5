-- flags: no-writes
-- What ended in each minute; see record_metrics.
--   ARGV  the last minute (since 1970; '' the present one), how many
-- Returns the last minute, then {minute, series, values, series, values, ...} of each that has any, the latest first.

local last = tonumber(ARGV[1]) or math.floor(now / 60000)
local found = { whole(last) }
for minute = last, last - tonumber(ARGV[2]) + 1, -1 do
  local values = call('HGETALL', P .. 'mm:' .. whole(minute))
  if #values > 0 then
    table.insert(values, 1, whole(minute))
    found[#found + 1] = values
  end
end
return found
