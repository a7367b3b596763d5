-- What every script begins with.
--   KEYS[1]  the instance: its prefix with a hash tag, "{dq:}". Every key of the instance starts with it, so all are in one slot of a
--            cluster, and the scripts may build the others themselves.
--            It names no key that there is. While a slot moves from one node of a cluster to another, some of its keys are here and some
--            there, and a script would fail half-way. But a node sends whoever asks for a key that it does not have to the other one
--            (ASK), and that one sends him back unless he says that he was sent (ASKING), which we never do: so no script begins before
--            the whole slot is in one place again.
-- The server's clock decides, in whole milliseconds.

local P = KEYS[1]
local call = redis.call

local clock = call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
-- The same as it is stored: a number that goes into a command is formatted each time.
local stamp = clock[1] .. string.sub('00000' .. clock[2], -6, -4)

-- Numbers as they are stored: never in exponent form.
local function whole(number)
  return string.format('%.0f', number)
end

local function job_key(id)
  return P .. 'j:' .. id
end

-- A job whole, by the short names below; nil when there is none. Absent fields have their default.
--   n type  p payload  rich  c created  l lane  s place in the ready order (the id)  y priority (0)  a attempts (0)  m most attempts (3)
--   run due time (c)  na next attempt  tok token  w worker's number  by worker's id  cl claimed  st started  fin ended  lf lr lc last
--   failed, retried, cancelled  ch changed  cq cancel requested  cr crashes in a row (0)  fr failure reason  prog progress  out output
--   to time limit  fk force kill  rd rb rm retry delay, backoff, cap  dl dla dli dead letter's type, time, id  tg tags (JSON)  ik key  ks ku its
--   scope (tenant), and until when it is taken whatever becomes of the job
--   tn tenant  gk group key  gt tier  hp holds its place  hv handler version  sc schedule (JSON)  no nonce  ld dropped events
--   wu wk waits until, for (of a job that suspended itself)
--   tr has a trail  lo has log lines  tc trace that it was added in
--   un unmet dependencies  dj dt dn job ids, tags, names (JSON)  of on failure  pr reason it is pending
--   pz its pause
-- Lanes: r ready, t timed, g waits for its group, d for dependencies, w for a token, signal or event, p paused, x executing; k completed,
-- f failed for good, c cancelled.
-- A payload of more than 64 bytes is the string p:<id> instead: a hash with a longer value takes several times the memory. `read_job`
-- leaves it there; see `with_payload`.
local function read_job(id)
  local flat = call('HGETALL', job_key(id))
  if #flat == 0 then return nil end
  local j = { id = id, flat = flat }
  for at = 1, #flat, 2 do j[flat[at]] = flat[at + 1] end
  return j
end

-- The stored fields, flat, the payload among them.
local function with_payload(id, flat, has_payload)
  if has_payload then return flat end
  for at = 1, #flat, 2 do
    if flat[at] == 'p' then return flat end
  end
  flat[#flat + 1] = 'p'
  flat[#flat + 1] = call('GET', P .. 'p:' .. id)
  return flat
end

local function payload(j)
  return j.p or call('GET', P .. 'p:' .. j.id)
end

-- Whether a payload is kept beside its job.
local function is_long(text)
  return #text > 64
end

local function is_live(j)
  local lane = j.l
  return lane ~= 'k' and lane ~= 'f' and lane ~= 'c'
end

-- Whether a job suspended itself and has not been claimed since.
local function has_waits(j)
  return j.wu ~= nil or j.wk ~= nil
end

local function priority(j) return j.y or '0' end
local function attempts(j) return tonumber(j.a or 0) end
local function max_attempts(j) return tonumber(j.m or 3) end

-- Changes fields of a job, here and in the store; false clears one.
local function set_fields(j, fields)
  local set, del = {}, {}
  for name, value in pairs(fields) do
    if value == false then
      if j[name] ~= nil then del[#del + 1] = name end
      j[name] = nil
    else
      if type(value) == 'number' then value = whole(value) end
      if name == 'p' and is_long(value) then
        call('SET', P .. 'p:' .. j.id, value)
        if j.p then del[#del + 1] = 'p' end
        j.p = nil
      else
        if name == 'p' and j.p == nil then call('DEL', P .. 'p:' .. j.id) end
        set[#set + 1] = name
        set[#set + 1] = value
        j[name] = value
      end
    end
  end
  if #set > 0 then call('HSET', job_key(j.id), unpack(set)) end
  if #del > 0 then call('HDEL', job_key(j.id), unpack(del)) end
end

local function next_seq()
  return call('INCR', P .. 'ids')
end

local function wake(message)
  call('PUBLISH', P .. 'wake', message)
end

local function has_sleepers()
  return call('ZCOUNT', P .. 'ws', '(' .. now, '+inf') > 0
end

-- Levels that gained ready jobs beside those the caller knows of; sleeping workers are told of them at the end of the script.
local released = {}
local has_released = false

local function release(level)
  released[level] = true
  has_released = true
end

local function tell_sleepers()
  if not has_released or not has_sleepers() then return end
  local levels = {}
  for level in pairs(released) do levels[#levels + 1] = level end
  wake(#levels <= 50 and 'r' .. table.concat(levels, ',') or 'r')
end

-- Defined further on, in terms of each other.
local tell_ended, forget_dependencies, tags_changed, open_barrier, block_again, end_job, take_keys, await_others, missing_of
-- Defines those of them, and more, that a script needs now and then only: to make a function costs a fraction of a microsecond at each
-- run of a script, and the hot ones use few of two hundred. nil where all are there from the start.
local rest
