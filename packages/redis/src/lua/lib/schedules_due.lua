-- Milliseconds until the next tick of any active schedule, negative when it is overdue; '' when there is none.
local function schedules_due()
  local first = call('ZRANGE', P .. 'sd', 0, 0, 'WITHSCORES')
  if not first[2] then return '' end
  return whole(tonumber(first[2]) - now)
end
