-- flags: no-writes
-- include: lanes groups pauses steps
-- What decides when a job runs, as it is now. Reads a bounded number of jobs, whatever the queue holds.
--   ARGV  id, how many ready jobs ahead to count, how many blockers or holders of places to name
-- Returns {now, stored fields, trail, live workers, of those how many take its type, of those how many have its version, pauses that cover it, as in
-- list_pauses, what its lane adds}; false for no job. The last is
--   x  when the lease runs out or ''
--   r  (and p) how many ready jobs come before it, at most one more than asked for
--   t  {the due time, what its waits are for}
--   g  {places taken, limit or '', ids that have one}
--   d  {id, lane, 1 if it is to be retried} of each open prerequisite
--   w  what its waits are for

local most_ahead, most_named = tonumber(ARGV[2]), tonumber(ARGV[3])
local j = read_job(ARGV[1])
if j == nil then return false end

local live, able, having = 0, 0, 0
for _, worker in ipairs(call('ZRANGEBYSCORE', P .. 'wx', '(' .. now, '+inf')) do
  live = live + 1
  local said = call('HMGET', P .. 'w:' .. worker, 'jobTypes', 'versions')
  local types = said[1]
  local takes = not types
  for _, name in ipairs(types and cjson.decode(types) or {}) do takes = takes or name == j.n end
  if takes then
    able = able + 1
    for _, version in ipairs(said[2] and cjson.decode(said[2])[j.n] or {}) do
      if version == tonumber(j.hv) then having = having + 1 end
    end
  end
end

local function ahead()
  local count = 0
  for _, level in ipairs(call('ZREVRANGEBYSCORE', P .. 'rl', '+inf', '(' .. priority(j))) do
    count = count + count_numbers('r:' .. level)
    if count > most_ahead then return most_ahead + 1 end
  end
  return count + #numbers_below('r:' .. priority(j), tonumber(j.s or j.id), most_ahead + 1 - count)
end

-- Executing jobs of the group first, then ready ones among the first thousand.
local function holders()
  local found = {}
  local function look(id)
    if #found < most_named and call('HGET', job_key(id), 'gk') == j.gk then found[#found + 1] = id end
  end
  for _, worker in ipairs(call('ZRANGE', P .. 'wx', 0, -1)) do
    for _, id in ipairs(call('HKEYS', P .. 'h:' .. worker)) do look(id) end
  end
  for _, id in ipairs(call('SSCAN', P .. 'gr', 0, 'COUNT', 1000)[2]) do look(id) end
  table.sort(found, function(a, b) return tonumber(a) < tonumber(b) end)
  return found
end

local function blockers()
  local ids = call('SMEMBERS', P .. 'do:' .. j.id)
  table.sort(ids, function(a, b) return tonumber(a) < tonumber(b) end)
  local named = {}
  for n = 1, math.min(#ids, most_named) do
    local f = call('HMGET', job_key(ids[n]), 'l', 'na')
    named[n] = { ids[n], f[1] or '', f[2] and 1 or 0 }
  end
  return named
end

local function awaited()
  local found = {}
  for _, step in ipairs(read_steps(j.id)) do
    if step.status == 'p' and step.awaited then found[#found + 1] = step.awaited end
  end
  return found
end

local more = ''
if j.l == 'x' then more = call('ZSCORE', P .. 'wx', j.w) or ''
elseif j.l == 'r' or j.l == 'p' then more = ahead()
elseif j.l == 't' then more = { call('ZSCORE', P .. 'due', j.id), has_waits(j) and awaited() or {} }
elseif j.l == 'g' then
  local limit = is_queue(j.gk) and '1' or call('HGET', P .. 'meta', 'limit') or ''
  more = { tonumber(call('HGET', P .. 'gs', j.gk) or 0), limit, holders() }
elseif j.l == 'd' then more = blockers()
elseif j.l == 'w' then more = awaited()
end
return { whole(now), j.flat, call('LRANGE', P .. 'g:' .. j.id, 0, -1), live, able, having, list_pauses(j), more }
