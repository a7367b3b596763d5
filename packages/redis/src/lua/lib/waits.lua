-- Waits: pending steps. One is stored when the handler comes to it; the attempt then ends in a settlement of kind `waiting`, and the
-- handler is called again from the top once any of its waits is over.
-- A token is the hash wp:<id>: job created timeout completed status (w waiting, c completed, t timed out) rich output tags. wt is the zset
-- of the limits of waiting ones, wd of when those of no job ended; jt:<job> the set of those that a job made.

local function holds_lease(j, token)
  return j ~= nil and j.l == 'x' and j.tok == token
end

local function next_step()
  return call('INCR', P .. 'step_ids')
end

local function end_step(id, step, result, rich, timed_out)
  step.status, step.ended, step.ended_seq = 'd', now, next_step()
  step.result, step.rich, step.timed_out = result, rich, timed_out
  if step.awaited then call('SREM', P .. 'aw:' .. step.awaited, id .. ':' .. step.key) end
  write_step(id, step)
end

-- Each signal goes to one wait, the oldest to the first.
local function take_signals(id, steps)
  local key = P .. 'sg:' .. id
  local left = {}
  local stored = call('LRANGE', key, 0, -1)
  for _, text in ipairs(stored) do
    local signal = cmsgpack.unpack(text)
    local taken = false
    for _, step in ipairs(steps) do
      if not taken and step.status == 'p' and step.kind == 'g' and step.awaited == 'signal:' .. signal.name then
        end_step(id, step, signal.data, signal.rich, false)
        taken = true
      end
    end
    if not taken then left[#left + 1] = text end
  end
  if #left < #stored then
    call('DEL', key)
    for _, text in ipairs(left) do call('RPUSH', key, text) end
  end
end

local function token_of(step)
  if step.kind ~= 'w' then return {} end
  local t = call('HMGET', P .. 'wp:' .. step.awaited, 'status', 'output', 'rich', 'completed', 'timeout')
  return { status = t[1] or nil, output = t[2] or 'null', rich = t[3] == '1', at = tonumber(t[4] or t[5] or nil) }
end

local function is_over(step, token)
  return (step.wait_until ~= nil and step.wait_until <= now) or (token.status ~= nil and token.status ~= 'w')
end

-- Ends the waits of a job that are over, in the order in which they came to be.
local function end_waits(id, steps)
  take_signals(id, steps)
  local over = {}
  for _, step in ipairs(steps) do
    if step.status == 'p' then
      local token = token_of(step)
      if is_over(step, token) then
        over[#over + 1] = { step = step, token = token, at = token.status ~= 'w' and token.at or step.wait_until or now }
      end
    end
  end
  table.sort(over, function(a, b) return a.at < b.at or (a.at == b.at and a.step.seq < b.step.seq) end)
  for _, o in ipairs(over) do
    local completed = o.token.status == 'c'
    end_step(id, o.step, completed and o.token.output or nil, completed and o.token.rich, o.step.kind ~= 't' and not completed)
  end
end

-- Suspends an attempt whose handler waits: no worker, lease, attempt or place in a group is held meanwhile. One that already has what it
-- waits for is ready again at once, and keeps its place.
local function suspend(j, keys)
  local due, awaited, over = nil, nil, false
  local found = {}
  local signals = {}
  for _, text in ipairs(call('LRANGE', P .. 'sg:' .. j.id, 0, -1)) do signals['signal:' .. cmsgpack.unpack(text).name] = true end
  for _, step in ipairs(read_steps(j.id)) do
    if keys[step.key] then
      found[step.key] = true
      if step.status ~= 'p' or is_over(step, token_of(step)) or (step.kind == 'g' and signals[step.awaited]) then over = true end
      if step.wait_until and (due == nil or step.wait_until < due) then due = step.wait_until end
      awaited = awaited or step.awaited
    elseif step.status == 'p' then
      -- A wait that this run of the handler did not come to is no longer one: it lost a race, say, within a step that is done.
      call('HDEL', P .. 'st:' .. j.id, step.key)
      if step.awaited then call('SREM', P .. 'aw:' .. step.awaited, j.id .. ':' .. step.key) end
    end
  end
  for key in pairs(keys) do
    if not found[key] then over = true end
  end
  local parts = { '{"kind":"attempt","outcome":"waiting","attempt":', j.a, ',"token":', j.tok, ',"worker":', quote(j.by), ',"claimedAt":', j.cl,
    ',"at":', now }
  if due then parts[#parts + 1] = ',"waitUntil":"' .. iso(due) .. '"' end
  if awaited then parts[#parts + 1] = ',"waitTokenId":' .. quote(awaited) end
  trail_add(j, table.concat(parts) .. '}')
  leave(j)
  local lane = over and 'r' or due and 't' or 'w'
  local fields = { l = lane, w = false, a = attempts(j) - 1, cr = false, ch = now }
  fields.wu = due or over and now or false
  fields.wk = awaited or false
  if over then fields.s = next_seq() end
  set_fields(j, fields)
  enter(j, lane, due)
  if over then
    release(priority(j))
  else
    call('ZADD', P .. 'waits', j.id, j.id)
    if j.gk then leave_group(j.gk) end
  end
end

-- Makes a job ready that waits for anything.
local function wake_waiter(id)
  local j = read_job(id)
  if j == nil or not has_waits(j) or not (j.l == 't' or j.l == 'w') then return end
  leave(j)
  local lane = ready_lane(j, false)
  set_fields(j, { l = lane, s = next_seq() })
  enter(j, lane)
  release(priority(j))
end

-- Jobs that wait for a token: `act` is called with the job's id and the step. Entries of what is gone are removed.
local function each_waiter(awaited, act)
  for _, member in ipairs(call('SMEMBERS', P .. 'aw:' .. awaited)) do
    local id, key = string.match(member, '^(%d+):(.*)$')
    local text = call('HGET', P .. 'st:' .. id, key)
    local step = text and cmsgpack.unpack(text)
    local lane = call('HGET', job_key(id), 'l')
    if step and step.status == 'p' and lane and lane ~= 'k' and lane ~= 'f' and lane ~= 'c' then
      step.key = key
      act(id, step)
    else
      call('SREM', P .. 'aw:' .. awaited, member)
    end
  end
end

local function end_token(id, fields)
  local job = call('HGET', P .. 'wp:' .. id, 'job')
  call('HSET', P .. 'wp:' .. id, unpack(fields))
  call('ZREM', P .. 'wt', id)
  if not job then call('ZADD', P .. 'wd', now, id) end
  each_waiter(id, function(waiter) wake_waiter(waiter) end)
end

-- Times out tokens, at most so many. Returns how many.
local function expire_tokens(most)
  local ids = call('ZRANGEBYSCORE', P .. 'wt', '-inf', now, 'LIMIT', 0, most)
  for _, id in ipairs(ids) do end_token(id, { 'status', 't' }) end
  return #ids
end

-- tags is JSON text; job and timeout are '' for none.
local function create_token(id, timeout, tags, job)
  local fields = { 'created', whole(now), 'status', 'w' }
  local function set(name, value)
    if value ~= '' then
      fields[#fields + 1] = name
      fields[#fields + 1] = value
    end
  end
  set('job', job)
  set('tags', tags)
  if timeout ~= '' then
    set('timeout', whole(now + timeout))
    call('ZADD', P .. 'wt', whole(now + timeout), id)
  end
  call('HSET', P .. 'wp:' .. id, unpack(fields))
  if job ~= '' then call('SADD', P .. 'jt:' .. job, id) end
end
