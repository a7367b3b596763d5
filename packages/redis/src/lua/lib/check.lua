-- What must hold of each live job; part of check.lua.
local problems = {}

local function report(invariant, detail)
  problems[#problems + 1] = invariant
  problems[#problems + 1] = detail
end

local function counted(what, stored, found)
  if stored ~= found then report('a count that disagrees', what .. ': ' .. stored .. ' stored, ' .. found .. ' counted') end
end

local function expect(holds, invariant, j)
  if not holds then
    report(invariant, 'job ' .. j.id .. ', lane ' .. tostring(j.l) .. ', attempts ' .. (j.a or 0) .. ' of ' .. (j.m or 3))
  end
end

local function is_in(index, j)
  return call('ZSCORE', P .. index, j.id) ~= false
end

local function check_dependencies(j)
  local open = call('SCARD', P .. 'do:' .. j.id)
  local stored = tonumber(j.un or 0)
  expect(stored == open + (j.bt and 1 or 0), 'a dependency count that disagrees', j)
  if stored == 0 then return end
  expect(call('SISMEMBER', P .. 'blocked', j.id) == 1, 'a blocked job that nobody knows of', j)
  expect(j.l == 'd' or (j.l == 't' and stored == 1 and j.bt), 'unmet dependencies of a job that does not wait for them', j)
  for _, on in ipairs(call('SMEMBERS', P .. 'do:' .. j.id)) do
    local lane = call('HGET', job_key(on), 'l')
    local told = is_in('dp:' .. on, j) or is_in('dk:' .. on, j)
    expect(told, 'a prerequisite that will tell nobody', j)
    local has_ended = not lane or lane == 'k'
    expect(not has_ended or call('HEXISTS', P .. 'noted', on) == 1, 'a dependent of a job that has ended', j)
  end
  if j.l == 'd' and stored == 1 and j.bt then
    expect(j.wt and is_in('dw:' .. j.wt, j) and has_number('live', j.wt), 'a tag barrier that nothing will open', j)
  end
end

-- Every stretch that a set lists has members, and none is unlisted that a listed one stands beside.
local function check_set(set)
  for _, stretch in ipairs(call('ZRANGE', P .. set, 0, -1)) do
    if call('BITCOUNT', bits_key(set, stretch)) == 0 then report('an empty stretch of a set', set .. ', stretch ' .. stretch) end
  end
end

local function check_live(j, indexed)
  local lane = j.l
  if indexed[lane] then indexed[lane] = indexed[lane] + 1 end
  expect(lane == 'r' or lane == 't' or lane == 'g' or lane == 'd' or lane == 'w' or lane == 'p' or lane == 'x', 'a job in an impossible state', j)
  expect(attempts(j) >= 0 and attempts(j) <= max_attempts(j), 'a job in an impossible state', j)
  expect((j.p == nil) == (call('EXISTS', P .. 'p:' .. j.id) == 1), 'a job without a payload, or with two', j)
  expect((j.tr ~= nil) == (call('EXISTS', P .. 'g:' .. j.id) == 1), 'a trail that its job does not know of', j)
  expect((j.lo ~= nil) == (call('EXISTS', P .. 'lz:' .. j.id) == 1), 'log lines that their job does not know of', j)
  expect(lane == 'x' or attempts(j) < max_attempts(j), 'attempts used up but not ended', j)
  expect((lane == 'x') == (j.w ~= nil), 'a worker on a job that does not execute', j)
  expect(not j.hp or ((lane == 't' or lane == 'p') and j.gk), 'a place held by a job that neither waits for its next attempt nor is paused', j)
  expect((lane == 'p') == (j.pz ~= nil), 'a pause of a job that is not paused', j)
  expect((lane ~= 'x' and j.na ~= nil) == is_in('again', j), 'a job between two attempts that is not listed as one', j)
  if lane == 'r' then
    local place = j.s or j.id
    local level = priority(j)
    expect(has_number('r:' .. level, place) and has_number('rt:' .. level .. ':' .. j.n, place), 'a ready job in no level', j)
    expect(j.s == nil or call('HGET', P .. 'places', j.s) == j.id, 'a place that leads to no job', j)
    if j.s then indexed.places = indexed.places + 1 end
    expect(is_in('rl', { id = priority(j) }) and call('ZSCORE', P .. 'tl:' .. j.n, priority(j)), 'a level that nobody looks at', j)
    expect((j.gk ~= nil) == (call('SISMEMBER', P .. 'gr', j.id) == 1), 'a ready job that its group does not know', j)
  elseif lane == 't' then
    expect(is_in('due', j), 'a timed job without a time', j)
  elseif lane == 'g' then
    expect(j.gk and call('ZSCORE', P .. 'gq:' .. j.gk, string.format('%016d', tonumber(j.s or j.id)) .. ':' .. j.id),
      'a waiting job that nothing will wake', j)
  elseif lane == 'w' then
    expect(j.wk ~= nil, 'a waiting job that nothing will wake', j)
  elseif lane == 'd' then
    expect(tonumber(j.un or 0) > 0, 'a waiting job that nothing will wake', j)
  elseif lane == 'p' then
    expect(has_number('pp:' .. j.pz, j.s or j.id), 'a paused job that nothing will resume', j)
    expect(j.s == nil or call('HGET', P .. 'places', j.s) == j.id, 'a place that leads to no job', j)
    if j.s then indexed.places = indexed.places + 1 end
  elseif lane == 'x' then
    expect(j.tok and call('HGET', P .. 'h:' .. j.w, j.id) == j.tok, 'an executing job in no lease', j)
  end
  local is_suspended = (lane == 't' or lane == 'w') and has_waits(j)
  expect(is_suspended == is_in('waits', j), 'a suspended job that is not listed as one', j)
  check_dependencies(j)
end
