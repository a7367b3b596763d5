-- Claims. `find` walks ready jobs of one level in order and stops at the limit; of those on their last attempt only as many are taken
-- as there are free slots (a crash burns a prefetched attempt, and a last one must not be burnt unstarted).

local function can_run(j, versions)
  if j.hv == nil then return true end
  for _, version in ipairs(versions[j.n] or {}) do
    if whole(version) == j.hv then return true end
  end
  return false
end

-- The job at a place of the ready order.
local function job_at(place)
  return read_job(place) or read_job(call('HGET', P .. 'places', place))
end

-- state: {limit, slots, versions, jobs, held; paused, see pauses.lua: a claim that may put no more aside looks no further}
local function find(set, from, state)
  while state.limit > 0 do
    local count = state.paused and 500 or math.min(state.limit + 10, 500)
    local places = numbers_from(set, from, count)
    for _, place in ipairs(places) do
      if state.limit <= 0 then return end
      local j = job_at(whole(place))
      if state.paused and state.paused.meets(j) then
        if state.paused.is_full then
          state.limit = 0
          return
        end
      elseif can_run(j, state.versions) then
        state.limit = state.limit - 1
        if attempts(j) + 1 < max_attempts(j) then
          state.jobs[#state.jobs + 1] = j
        elseif state.slots > 0 then
          state.slots = state.slots - 1
          state.jobs[#state.jobs + 1] = j
        else
          state.held = true
        end
      end
    end
    if #places < count then return end
    from = places[count] + 1
  end
end

-- The priorities that jobs of a type are ready at.
local function levels_of_type(name)
  flush()
  local key = P .. 'tl:' .. name
  local levels = call('ZRANGE', key, 0, -1)
  local used = {}
  for _, level in ipairs(levels) do
    if call('EXISTS', P .. 'rt:' .. level .. ':' .. name) == 1 then used[#used + 1] = level else call('ZREM', key, level) end
  end
  return used
end

-- Ready jobs of some types at one level: what each type offers, put in order.
local function find_types(level, types, from, state)
  local offered = {}
  for _, name in ipairs(types) do
    local part = { limit = state.limit, slots = state.limit, versions = state.versions, jobs = {}, paused = state.paused }
    find('rt:' .. level .. ':' .. name, from, part)
    if state.paused and state.paused.is_full then
      -- What was not looked at may come before what was found.
      state.limit = 0
      return
    end
    for _, j in ipairs(part.jobs) do offered[#offered + 1] = j end
  end
  table.sort(offered, function(a, b) return tonumber(a.s or a.id) < tonumber(b.s or b.id) end)
  for _, j in ipairs(offered) do
    if state.limit <= 0 then return end
    state.limit = state.limit - 1
    if attempts(j) + 1 < max_attempts(j) then
      state.jobs[#state.jobs + 1] = j
    elseif state.slots > 0 then
      state.slots = state.slots - 1
      state.jobs[#state.jobs + 1] = j
    else
      state.held = true
    end
  end
end

-- types: list, or nil for any
local function sweep(types, state)
  flush()
  local levels = {}
  if types == nil then
    levels = call('ZREVRANGE', P .. 'rl', 0, -1)
  else
    local seen = {}
    for _, name in ipairs(types) do
      for _, level in ipairs(levels_of_type(name)) do
        if not seen[level] then
          seen[level] = true
          levels[#levels + 1] = level
        end
      end
    end
    table.sort(levels, function(a, b) return tonumber(a) > tonumber(b) end)
  end
  for _, level in ipairs(levels) do
    if state.limit <= 0 then return end
    if types == nil then
      if call('EXISTS', P .. 'r:' .. level) == 1 then find('r:' .. level, 0, state) else call('ZREM', P .. 'rl', level) end
    else
      find_types(level, types, 0, state)
    end
  end
end

-- Every level that has ready jobs and the place of its first, highest first; stops after the seventeenth.
local function ready_levels()
  flush()
  local told = {}
  for _, level in ipairs(call('ZREVRANGE', P .. 'rl', 0, -1)) do
    local first = numbers_from('r:' .. level, 0, 1)[1]
    if first then
      told[#told + 1] = level
      told[#told + 1] = whole(first)
      if #told > 32 then return told end
    else
      call('ZREM', P .. 'rl', level)
    end
  end
  return told
end

-- Whether a job has nothing of an earlier attempt, nor of what it waited for.
local function is_untouched(j)
  return j.a == nil and j.st == nil and j.na == nil and j.pr == nil and j.prog == nil and j.out == nil and not has_waits(j)
end

-- Leases jobs to a worker under one token. Answers for each its id, attempt, handler version and stored fields.
local function lease(jobs, worker, locked_by, versions)
  local token = whole(call('INCR', P .. 'tokens'))
  local held = {}
  local answer = {}
  for at, j in ipairs(jobs) do
    leave(j)
    local version = j.hv == nil and versions[j.n] and versions[j.n][1] or nil
    if version == nil and is_untouched(j) then
      -- Most are, and `set_fields` would cost as much again.
      call('HSET', job_key(j.id), 'l', 'x', 'tok', token, 'w', worker, 'by', locked_by, 'cl', stamp, 'a', '1', 'st', stamp)
      j.a = '1'
    else
      local fields = {
        l = 'x', tok = token, w = worker, by = locked_by, cl = stamp, a = attempts(j) + 1, pr = false, hv = version,
      }
      if has_waits(j) then
        -- A resumed job goes on where it was.
        fields.wu, fields.wk = false, false
      else
        fields.prog, fields.out = false, false
      end
      if j.st == nil then fields.st = stamp end
      if j.na then
        call('ZREM', P .. 'again', j.id)
        fields.lr, fields.na = stamp, false
      end
      set_fields(j, fields)
    end
    answer[at] = { j.id, j.a, j.hv or '', with_payload(j.id, j.flat, j.p ~= nil) }
    held[#held + 1] = j.id
    held[#held + 1] = token
  end
  -- A job may have been in this worker's leases until this very call.
  flush()
  call_with('HSET', P .. 'h:' .. worker, held)
  return token, answer
end
