-- flags: no-writes
-- include: lanes groups pauses check
-- One entry for each impossible thing that is stored; none when all is well. Reads every live job: for tests, the doctor and the curious.
-- Returns a flat list of invariant and detail.

local function key_exists(name) return call('EXISTS', P .. name) == 1 end

local function all_of(set)
  local ids = numbers_from(set, 0, math.huge)
  for n, number in ipairs(ids) do ids[n] = whole(number) end
  return ids
end

local pauses = {}
for _, p in ipairs(read_pauses()) do pauses[tostring(p.id)] = 0 end

local active, indexed = {}, { r = 0, t = 0, g = 0, x = 0, p = 0, places = 0 }
for _, id in ipairs(all_of('live')) do
  local j = read_job(id)
  if j == nil then
    report('a live job that is not there', 'job ' .. id)
  else
    check_live(j, indexed)
    if j.l == 'p' and pauses[j.pz] == nil then report('a paused job of a pause that is gone', 'job ' .. id) end
    if j.gk and (j.l == 'r' or j.l == 'x' or j.hp) then active[j.gk] = (active[j.gk] or 0) + 1 end
  end
end

local ready = 0
for _, level in ipairs(call('ZRANGE', P .. 'rl', 0, -1)) do
  ready = ready + count_numbers('r:' .. level)
  check_set('r:' .. level)
end
for _, set in ipairs({ 'live', 'done', 'dead:f', 'dead:c' }) do check_set(set) end
local paused = 0
for id in pairs(pauses) do
  paused = paused + count_numbers('pp:' .. id)
  check_set('pp:' .. id)
end
counted('paused jobs', paused, indexed.p)
counted('places drawn later', call('HLEN', P .. 'places'), indexed.places)
counted('ready jobs', ready, indexed.r)
counted('timed jobs', call('ZCARD', P .. 'due'), indexed.t)
counted('jobs waiting for their group', tonumber(call('HGET', P .. 'meta', 'waiting') or 0), indexed.g)
local executing = 0
for _, worker in ipairs(call('ZRANGE', P .. 'wx', 0, -1)) do
  executing = executing + call('HLEN', P .. 'h:' .. worker)
  if not key_exists('w:' .. worker) then report('a lease of an unknown worker', 'worker ' .. worker) end
end
counted('executing jobs', executing, indexed.x)

local groups = call('HGETALL', P .. 'gs')
local most = call('HGET', P .. 'meta', 'limit')
for at = 1, #groups, 2 do
  local key, count = groups[at], tonumber(groups[at + 1])
  if count ~= (active[key] or 0) then
    report('a group count that disagrees', 'group ' .. key .. ': ' .. count .. ' stored, ' .. (active[key] or 0) .. ' counted')
  end
  active[key] = nil
  local limit = string.byte(key) == 30 and 1 or tonumber(most or 1000000)
  if count < limit and key_exists('gq:' .. key) and not call('ZSCORE', P .. 'gw', key) then
    report('a group with room whose jobs were not woken', 'group ' .. key)
  end
end
for key, count in pairs(active) do report('a group count that disagrees', 'group ' .. key .. ': none stored, ' .. count .. ' counted') end

for index, lane in pairs({ done = 'k', ['dead:f'] = 'f', ['dead:c'] = 'c' }) do
  for _, id in ipairs(all_of(index)) do
    if call('HGET', job_key(id), 'l') ~= lane then report('a job in the wrong index', 'job ' .. id .. ' in ' .. index) end
    if has_number('live', id) then report('a job in two places', 'job ' .. id) end
  end
end
for _, id in ipairs(call('LRANGE', P .. 'finished', 0, -1)) do
  if not has_number('done', id) then report('a completion of a job that is gone', 'job ' .. id) end
end
for _, status in ipairs({ 'f', 'c' }) do
  counted('jobs by the time of their end', call('ZCARD', P .. 'ended:' .. status), count_numbers('dead:' .. status))
end
counted('completed jobs', call('LLEN', P .. 'finished'), count_numbers('done'))

local keys = call('HGETALL', P .. 'keys')
for at = 2, #keys, 2 do
  if call('EXISTS', job_key(keys[at])) == 0 and not call('ZSCORE', P .. 'kw', keys[at - 1]) then report('a key of a job that is gone', 'job ' .. keys[at]) end
end

for _, field in ipairs(call('ZRANGE', P .. 'kw', 0, -1)) do
  if call('HEXISTS', P .. 'keys', field) == 0 then report('a window of a key that is free', field) end
end

for _, id in ipairs(call('SMEMBERS', P .. 'blocked')) do
  local j = read_job(id)
  if j == nil or not is_live(j) or j.un == nil then report('a dependency of a job that is gone', 'job ' .. id) end
end

local fired = {}
for _, index in ipairs({ 'live', 'done', 'dead:f', 'dead:c' }) do
  for _, id in ipairs(all_of(index)) do
    local sc = call('HGET', job_key(id), 'sc')
    if sc then
      local schedule = cjson.decode(sc)
      local tick = schedule.id .. ':' .. schedule.tick
      if not schedule.manual and fired[tick] then report('two jobs of one tick', 'schedule ' .. tick .. ', job ' .. id) end
      fired[tick] = true
    end
  end
end
for _, id in ipairs(call('ZRANGE', P .. 'sa', 0, -1)) do
  local s = call('HMGET', P .. 's:' .. id, 'next', 'status', 'tenant', 'name')
  if s[1] and call('ZSCORE', P .. 'tz:' .. id, s[1]) then report('a schedule that would repeat a tick', 'schedule ' .. id) end
  local due = call('ZSCORE', P .. 'sd', id)
  if (s[1] and s[2] == 'a') ~= (due and true or false) then report('a schedule that nobody fires, or that is paused', 'schedule ' .. id) end
  if call('HGET', P .. 'sn', (s[3] or '') .. '\31' .. (s[4] or '')) ~= id then report('a schedule without its name', 'schedule ' .. id) end
end
counted('names of schedules', call('HLEN', P .. 'sn'), call('ZCARD', P .. 'sa'))
return problems
