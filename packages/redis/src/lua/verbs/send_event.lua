-- flags: 
-- include: steps text trail lanes groups complete ends dependencies waits
-- Gives an event to every job that waits for one of this name whose filter it contains. Who comes to wait later does not get it.
--   ARGV  name, data (JSON), rich (1)
-- Returns how many waits it ended.

-- As PostgreSQL's @>: objects by their fields, lists by their elements in any order.
local function contains(data, wanted)
  if type(wanted) ~= 'table' then return data == wanted end
  if type(data) ~= 'table' then return false end
  if #wanted > 0 then
    for _, one in ipairs(wanted) do
      local found = false
      for _, other in ipairs(data) do found = found or contains(other, one) end
      if not found then return false end
    end
    return true
  end
  for name, one in pairs(wanted) do
    if data[name] == nil or not contains(data[name], one) then return false end
  end
  return true
end

local data = cjson.decode('[' .. ARGV[2] .. ']')[1]
local count = 0
each_waiter('event:' .. ARGV[1], function(id, step)
  local in_time = step.wait_until == nil or step.wait_until > now
  if in_time and (step.filter == nil or contains(data, cjson.decode('[' .. step.filter .. ']')[1])) then
    end_step(id, step, ARGV[2], ARGV[3] == '1', false)
    wake_waiter(id)
    count = count + 1
  end
end)
tell_sleepers()
return count
