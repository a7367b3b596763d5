-- flags: no-writes
-- include: filter steps
-- One stretch of a list, newest id first.
--   ARGV  filter (JSON), limit, how many candidates to look at, then name and cursor (only ids below it) of each index to walk
-- Returns for each index {cursor to go on from, or '' at its end; jobs as get.lua answers them}.

local filter, limit, budget = cjson.decode(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

-- Of jobs that must have some tags, those with the rarest of them.
local source = nil
if filter.tags and (filter.tags.mode == 'all' or filter.tags.mode == 'exact') and filter.ids == nil then
  local least = nil
  for _, tag in ipairs(filter.tags.values) do
    local count = call('ZCARD', P .. 'tag:' .. tag)
    if least == nil or count < least then source, least = P .. 'tag:' .. tag, count end
  end
end

local function candidates(index, cursor, count)
  if filter.ids then
    local ids = {}
    for at = #filter.ids, 1, -1 do
      local id = whole(filter.ids[at])
      if filter.ids[at] < cursor and has_number(index, filter.ids[at]) then ids[#ids + 1] = id end
      if #ids == count then break end
    end
    return ids
  end
  if source then return call('ZREVRANGEBYSCORE', source, '(' .. whole(cursor), '-inf', 'LIMIT', 0, count) end
  local ids = numbers_below(index, cursor, count)
  for n, number in ipairs(ids) do ids[n] = whole(number) end
  return ids
end

local answer = {}
for at = 4, #ARGV, 2 do
  local cursor = tonumber(ARGV[at + 1])
  local jobs = {}
  local is_over = false
  local left = budget
  while left > 0 and #jobs < limit do
    local count = math.min(left, 200)
    local ids = candidates(ARGV[at], cursor, count)
    for _, id in ipairs(ids) do
      cursor = tonumber(id)
      if (source == nil or has_number(ARGV[at], id)) and matches(id, filter) then
        jobs[#jobs + 1] = { id, with_payload(id, call('HGETALL', job_key(id))), call('LRANGE', P .. 'g:' .. id, 0, -1), step_rows(id) }
        if #jobs == limit then break end
      end
    end
    left = left - count
    if #ids < count then
      is_over = true
      break
    end
  end
  answer[#answer + 1] = { (is_over or #jobs >= limit) and '' or whole(cursor), jobs }
end
return answer
