-- Whether a job is among those a filter means. The filter is JSON; see filter.ts.
local function within(value, conditions)
  for _, condition in ipairs(conditions) do
    local op, limit = condition[1], condition[2]
    local holds = (op == 'gt' and value > limit) or (op == 'gte' and value >= limit) or (op == 'lt' and value < limit)
      or (op == 'lte' and value <= limit) or (op == 'eq' and value == limit)
    if not holds then return false end
  end
  return true
end

local function listed(list, value)
  for _, one in ipairs(list) do
    if one == value then return true end
  end
  return false
end

local function matches_tags(tg, wanted)
  local tags = tg and cjson.decode(tg) or {}
  local found = 0
  for _, tag in ipairs(wanted.values) do
    if listed(tags, tag) then found = found + 1 end
  end
  if wanted.mode == 'any' then return found > 0 end
  if wanted.mode == 'none' then return found == 0 end
  if found < #wanted.values then return false end
  if wanted.mode == 'all' then return tg ~= nil end
  for _, tag in ipairs(tags) do
    if not listed(wanted.values, tag) then return false end
  end
  return true
end

local function status_of(lane, na, waits)
  if lane == 'x' or lane == 'k' or lane == 'f' or lane == 'c' then return lane end
  if waits and (lane == 't' or lane == 'w') then return 'w' end
  return na and 'f' or 'p'
end

local function matches(id, filter)
  local f = call('HMGET', job_key(id), 'l', 'n', 'y', 'run', 'c', 'tg', 'gk', 'tn', 'na', 'wu', 'wk')
  local lane, na, tn = f[1], f[9], f[8]
  if not lane then return false end
  local status = status_of(lane, na, f[10] or f[11])
  if filter.statuses and not listed(filter.statuses, status) then return false end
  if filter.final ~= nil and (status ~= 'f' or (lane == 'f') ~= filter.final) then return false end
  if filter.types and not listed(filter.types, f[2]) then return false end
  if filter.priority and tonumber(f[3] or 0) ~= filter.priority then return false end
  if filter.tenant and tn ~= filter.tenant then return false end
  if filter.group and f[7] ~= (tn and tn .. '\31' .. filter.group or filter.group) then return false end
  if filter.runAt and not within(tonumber(f[4] or f[5]), filter.runAt) then return false end
  if filter.createdAt and not within(tonumber(f[5]), filter.createdAt) then return false end
  if filter.tags and not matches_tags(f[6] or nil, filter.tags) then return false end
  return true
end

-- Ids of an index above a cursor, in order, at most `count`; of filter.ids those above it instead.
local function walk(index, filter, cursor, count)
  local ids = {}
  if filter.ids == nil then
    for n, number in ipairs(numbers_from(index, cursor + 1, count)) do ids[n] = whole(number) end
    return ids
  end
  for _, number in ipairs(filter.ids) do
    if number > tonumber(cursor) and has_number(index, number) then ids[#ids + 1] = whole(number) end
    if #ids == count then break end
  end
  return ids
end
