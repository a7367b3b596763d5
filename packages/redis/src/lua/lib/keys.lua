-- Idempotency keys: the hash keys, by tenant and key, with the id of the job that has the key. What becomes of a job that has the key
-- of an add already says the key mode:
--   reuse            the default: the job stays as it is, in whatever state
--   replace          a job that waits takes everything over, due time included, and starts from its first attempt
--   preserveRunAt    the same, but a job that has not been tried keeps its due time
--   debounce         a job that waits takes payload and due time over, the latter only if later; the rest stays
-- A job that executes or has ended is left alone, and the key passes to a new job. But that of a job that has ended within the key's window
-- (`kw`, from when the key was taken) does not: the add is one too many, in every mode. After the window a job keeps its key while it lives.

local function replace_job(j, new, mode)
  local changes = { p = new.p, rich = new.rich or false }
  if mode == 'debounce' then
    local due = j.l == 't' and tonumber(call('ZSCORE', P .. 'due', j.id)) or now
    changes.run = math.max(tonumber(new.run or now), now, due)
  else
    for _, name in ipairs({ 'm', 'y', 'to', 'tg', 'rd', 'rb', 'rm', 'dl' }) do changes[name] = new[name] or false end
    if changes.y == false then changes.y = '0' end
    if mode == 'replace' or attempts(j) > 0 then changes.run = new.run and tonumber(new.run) or true end
    local lane, due = j.l, j.l == 't' and tonumber(call('ZSCORE', P .. 'due', j.id)) or nil
    local held = has_place(j)
    leave(j)
    if j.na then call('ZREM', P .. 'again', j.id) end
    local fields = { a = false, cr = false, na = false, fr = false, n = new.n, fk = new.fk or false, gt = new.gt or false }
    local left = nil
    if new.gk ~= j.gk then
      if held then left = j.gk end
      fields.gk, fields.hp, fields.s = new.gk or false, false, next_seq()
      if lane == 'r' or lane == 'g' or lane == 'p' then lane = new.gk and 'g' or 'r' end
    end
    -- What paused it may not cover what it is now.
    if lane == 'p' then lane, fields.hp = ready_lane(j, j.hp ~= nil), false end
    fields.pz = false
    fields.l = lane
    set_fields(j, fields)
    enter(j, lane, due)
    if left then leave_group(left) end
  end
  edit_job(j, changes, '{"keyMode":' .. quote(mode == 'preserveRunAt' and 'preserve_run_at' or mode) .. '}')
end

local function take_key(j, id, field)
  call('HSET', P .. 'keys', field, id)
  if j.kw then
    j.ku = whole(now + tonumber(j.kw))
    call('ZADD', P .. 'kw', j.ku, field)
  else
    call('ZREM', P .. 'kw', field)
  end
end

-- Whether the job that has a key lives, and whether the window of the key is open; false, false: the key is free, if it has a window.
local function key_state(holder, field)
  local lane = call('HGET', job_key(holder), 'l')
  local until_ms = call('ZSCORE', P .. 'kw', field)
  return lane and is_live({ l = lane }), until_ms and tonumber(until_ms) > now, until_ms ~= false
end

-- Gives keys to the jobs of a batch; sets ids and created flags to what is to be.
take_keys = function(jobs, ids, created)
  local own = {}
  for n, j in ipairs(jobs) do
    own[ids[n]] = true
    if j.ik then
      local field = key_field(j)
      local holder = call('HGET', P .. 'keys', field)
      local mode = j.km or 'reuse'
      if not holder then
        take_key(j, ids[n], field)
      elseif own[holder] then
        -- Twice in one batch: the last one counts.
        if mode ~= 'reuse' then take_key(j, ids[n], field) end
      else
        local lives, is_open, has_window = key_state(holder, field)
        if mode ~= 'reuse' and lives then
          local found = read_job(holder)
          if found.l ~= 'x' and not has_waits(found) then replace_job(found, j, mode) else take_key(j, ids[n], field) end
        elseif not lives and not is_open and (has_window or mode ~= 'reuse') then
          take_key(j, ids[n], field)
        end
      end
    end
  end
  for n, j in ipairs(jobs) do
    if j.ik then
      local holder = call('HGET', P .. 'keys', key_field(j))
      if holder ~= ids[n] then
        ids[n] = holder
        created[n] = 0
      end
    end
  end
end
