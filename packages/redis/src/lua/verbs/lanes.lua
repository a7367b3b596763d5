-- flags: no-writes
-- Groups and queues in which a job runs, is among 1000 that are ready, or waits for a place.
--   ARGV  most groups with waiting jobs
-- Returns for each {key, tenant or '', limit or '', how many have a place, how many run, ids of at most 20 that run, how many wait, the
-- next in line or ''}.

local lanes, order = {}, {}

local function lane_of(key, tenant)
  local lane = lanes[key]
  if lane == nil then
    lane = { tenant = tenant or '', running = {} }
    lanes[key] = lane
    order[#order + 1] = key
  end
  return lane
end

local most = 10000
for _, worker in ipairs(call('ZRANGE', P .. 'wx', 0, -1)) do
  for _, id in ipairs(call('HKEYS', P .. 'h:' .. worker)) do
    if most > 0 then
      most = most - 1
      local f = call('HMGET', job_key(id), 'gk', 'tn')
      if f[1] then table.insert(lane_of(f[1], f[2]).running, tonumber(id)) end
    end
  end
end
for _, id in ipairs(call('SSCAN', P .. 'gr', 0, 'COUNT', 1000)[2]) do
  local f = call('HMGET', job_key(id), 'gk', 'tn')
  if f[1] then lane_of(f[1], f[2]) end
end
-- A group with waiting jobs has some with a place, or has just been woken.
local left = tonumber(ARGV[1])
local function look(key)
  local first = left > 0 and call('ZRANGE', P .. 'gq:' .. key, 0, 0)[1]
  if first then
    lane_of(key, call('HGET', job_key(string.sub(first, 18)), 'tn') or nil)
    left = left - 1
  end
end
local scanned = call('HSCAN', P .. 'gs', 0, 'COUNT', 5000)[2]
for at = 1, #scanned, 2 do look(scanned[at]) end
for _, key in ipairs(call('ZRANGE', P .. 'gw', 0, 4999)) do
  if lanes[key] == nil then look(key) end
end

local limit = call('HGET', P .. 'meta', 'limit')
local answer = {}
for _, key in ipairs(order) do
  local lane = lanes[key]
  table.sort(lane.running)
  local holders = {}
  for at = 1, math.min(20, #lane.running) do holders[at] = whole(lane.running[at]) end
  local first = call('ZRANGE', P .. 'gq:' .. key, 0, 0)[1]
  answer[#answer + 1] = {
    key, lane.tenant, string.byte(key) == 30 and '1' or limit or '', tonumber(call('HGET', P .. 'gs', key) or 0), #lane.running, holders,
    call('ZCARD', P .. 'gq:' .. key), first and whole(string.sub(first, 18)) or '',
  }
end
return answer
