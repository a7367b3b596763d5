-- Ends of jobs, and completions. A live job's id is in the set live, a completed one's in done (and in the list finished, in the order of completion),
-- that of a final failure in dead:f, of a cancelled one in dead:c; see bits.lua. The zsets ended:f and ended:c have the latter two by the
-- time of their end. One between two attempts is in the zset again.

-- Where the key of a job is looked up. What begins a scoped one can begin no other: no tenant and no queue has U+001E in its name.
local function key_field(j)
  local space = j.tn or ''
  if j.ks == 'type' then space = 't\30' .. space .. '\31' .. #j.n .. ':' .. j.n
  elseif j.ks == 'queue' then space = 'q\30' .. j.gk
  elseif j.ks == 'all' then space = 'a\30' end
  return space .. '\31' .. j.ik
end

-- Frees the key of a job that is forgotten, unless it is taken for longer; until when keys are is in the zset kw.
local function free_key(j)
  if not j.ik or (j.ku and tonumber(j.ku) > now) then return end
  local field = key_field(j)
  if call('HGET', P .. 'keys', field) ~= tostring(j.id) then return end
  call('HDEL', P .. 'keys', field)
  if j.ku then call('ZREM', P .. 'kw', field) end
end

-- Keeps the indexes of tags: tag:<tag> covers jobs in every state, lt:<tag> live ones.
local function live_tag_index(command, j)
  if j.tg == nil then return end
  for _, tag in ipairs(cjson.decode(j.tg)) do
    if command == 'ZADD' then call('ZADD', P .. 'lt:' .. tag, j.id, j.id) else call('ZREM', P .. 'lt:' .. tag, j.id) end
  end
end

local function tag_index(command, j)
  if j.tg == nil then return end
  for _, tag in ipairs(cjson.decode(j.tg)) do
    if command == 'ZADD' then call('ZADD', P .. 'tag:' .. tag, j.id, j.id) else call('ZREM', P .. 'tag:' .. tag, j.id) end
  end
end

-- Forgets a job that is in no lane any more.
local function delete_job(j)
  call('DEL', job_key(j.id), P .. 'p:' .. j.id, P .. 'g:' .. j.id, P .. 'st:' .. j.id, P .. 'sg:' .. j.id)
  for _, token in ipairs(call('SMEMBERS', P .. 'jt:' .. j.id)) do
    call('DEL', P .. 'wp:' .. token)
    call('ZREM', P .. 'wt', token)
  end
  call('DEL', P .. 'jt:' .. j.id)
  if j.lo then call('DEL', P .. 'lg:' .. j.id, P .. 'lz:' .. j.id) end
  free_key(j)
  tag_index('ZREM', j)
end

local has_blocked = nil

-- Whether any job waits for others.
local function any_blocked()
  if has_blocked == nil then has_blocked = call('EXISTS', P .. 'blocked') == 1 end
  return has_blocked
end

-- Records a completion; `output` is JSON text or nil, which leaves an earlier one.
local function complete_job(j, output, keep)
  leave(j)
  if j.gk then leave_group(j.gk) end
  mark('live', tonumber(j.id), false)
  live_tag_index('ZREM', j)
  if keep then
    local fields = { l = 'k', fin = stamp, cq = false, fr = false }
    if output then fields.out = output end
    set_fields(j, fields)
    mark('done', tonumber(j.id), true)
    finished[#finished + 1] = j.id
    if j.tr then call('RPUSH', P .. 'trails', j.id) end
  else
    delete_job(j)
  end
  if any_blocked() then
    if rest then rest() end
    tell_ended(j.id, 'k')
  end
end
