-- flags: allow-oom
-- include: workers lanes complete insert add completions claim
-- rest: text groups pauses trail ends dependencies change keys add_after steps waits settle rescue due schedules_due
-- rest gives: read_settlements refuse_orphans settle_others rescue expire_tokens promote schedules_due serve_notes serve_groups release_paused pauses_end passing
-- The hot path: records what a worker finished and claims what it runs next, in one round trip.
--   ARGV  worker, limit, slots, flags, lease in ms ('' none), handler versions (JSON, '' none);
--         number of types (-1 any), the types; number of bounds (-1: look everywhere), priority and place of each;
--         number of closed tokens, the tokens; the settlements (see settle.lua)
--         flags: s sleeps, a awake, h keep house, k keep completed jobs, g give places in groups
-- Returns {lost: id and token of each, token, levels: priority and place of each, flags, house, jobs}
--         flags: d the worker has been given up, h jobs on their last attempt were left for want of a slot, p paused jobs were left that
--                the claim was to put aside, b it is worth looking again soon
--         house: {rescued, promoted, ms to the next due job or '', ms to the next schedule or '', cancel requests: id, token, lost}
--         jobs: {id, attempt, handler version, stored fields}, in the order they must start
-- Invariant: an executing job has a token, a worker and an entry in the worker's leases; no other job is in any.

local worker, limit, slots, flags = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local lease_ms = tonumber(ARGV[5])
local versions = ARGV[6] ~= '' and cjson.decode(ARGV[6]) or {}
local function has(letter) return string.find(flags, letter, 1, true) ~= nil end

local at = 7
local types = nil
local count = tonumber(ARGV[at])
if count >= 0 then
  types = {}
  local known = {}
  for n = at + 1, at + count do
    if not known[ARGV[n]] then types[#types + 1] = ARGV[n] end
    known[ARGV[n]] = true
  end
end
at = at + 1 + math.max(count, 0)
local bounds = nil
count = tonumber(ARGV[at])
if count >= 0 then
  bounds = {}
  for n = at + 1, at + 2 * count, 2 do bounds[#bounds + 1] = { ARGV[n], tonumber(ARGV[n + 1]) } end
end
at = at + 1 + 2 * math.max(count, 0)
count = tonumber(ARGV[at])
local closed = {}
for n = at + 1, at + count do closed[ARGV[n]] = true end
at = at + 1 + count

local alive = true
if lease_ms then
  alive = extend_lease(worker, lease_ms)
end
if has('s') or has('a') then
  local expires = call('ZSCORE', P .. 'wx', worker)
  if expires and has('s') then call('ZADD', P .. 'ws', expires, worker) else call('ZREM', P .. 'ws', worker) end
end

local lost = settle_all(at, has('k'))
if next(closed) then
  for _, request in ipairs(call('HKEYS', P .. 'cr:' .. worker)) do
    if closed[string.match(request, ':(%d+)$')] then call('HDEL', P .. 'cr:' .. worker, request) end
  end
end

local has_pauses = call('EXISTS', P .. 'ps') == 1
local is_busy = false

local house = {}
if has('h') then
  local cold = rest()
  local rescued = cold.rescue()
  local promoted = cold.expire_tokens(1000) + cold.promote()
  local due = call('ZRANGE', P .. 'due', 0, 0, 'WITHSCORES')
  local limited = call('ZRANGE', P .. 'wt', 0, 0, 'WITHSCORES')
  local next_due = math.min(tonumber(due[2] or math.huge), tonumber(limited[2] or math.huge))
  if has_pauses then next_due = math.min(next_due, now + (cold.pauses_end() or math.huge)) end
  local requests = {}
  local flat = call('HGETALL', P .. 'cr:' .. worker)
  for n = 1, #flat, 2 do
    requests[#requests + 1] = string.match(flat[n], '^(%d+)')
    requests[#requests + 1] = string.match(flat[n], '(%d+)$')
    requests[#requests + 1] = flat[n + 1]
  end
  house = { rescued, promoted, next_due < math.huge and whole(next_due - now) or '', cold.schedules_due(), requests }
  alive = alive and call('EXISTS', P .. 'w:' .. worker) == 1
end

local looks_around = bounds == nil or has('g') or has('h') or has_released
if looks_around and call('EXISTS', P .. 'notes') == 1 then rest().serve_notes() end
if has_pauses and (bounds == nil or has('h')) then is_busy = rest().release_paused() end
-- What was released just now, at levels that this worker may not know of.
if has_released then bounds = nil end

local state = { limit = limit, slots = slots, versions = versions, jobs = {}, held = false }
if limit > 0 and alive then
  if has_pauses then state.paused = rest().passing() end
  if (has('g') or bounds == nil) and call('EXISTS', P .. 'gw') == 1 then rest().serve_groups() end
  if bounds == nil then
    sweep(types, state)
  else
    for _, bound in ipairs(bounds) do
      if state.limit <= 0 then break end
      if types then find_types(bound[1], types, bound[2], state) else find('r:' .. bound[1], bound[2], state) end
    end
  end
end

local token, jobs = '', {}
if #state.jobs > 0 then
  -- A worker given up for dead claims nothing: its jobs would be leased to nobody.
  local locked_by = call('HGET', P .. 'w:' .. worker, 'workerId')
  if locked_by then token, jobs = lease(state.jobs, worker, locked_by, versions) else alive = false end
end
local levels = {}
if bounds == nil and limit > 0 then levels = ready_levels() end
tell_sleepers()
local told = (alive and '' or 'd') .. (state.held and 'h' or '')
if state.paused then
  if state.paused.is_full then told = told .. 'p' end
  is_busy = is_busy or state.paused.has_left
end
return { lost, token, levels, is_busy and told .. 'b' or told, house, jobs }
