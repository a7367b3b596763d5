-- Changes to jobs that nobody runs.

-- Cancels a job that waits, or asks a running one to stop. Returns 'changed', 'requested' or 'unchanged'.
local function cancel_job(j)
  if not is_live(j) then return 'unchanged' end
  if j.l ~= 'x' then
    end_job(j, 'c')
    return 'changed'
  end
  if j.cq == nil then
    trail_note(j, 'cancel_requested')
    set_fields(j, { cq = now })
    call('HSETNX', P .. 'cr:' .. j.w, j.id .. ':' .. j.tok, '0')
    wake('c' .. j.id)
  end
  return 'requested'
end

-- Changes a job that has not started or is between two attempts; whether it did.
--   changes  stored fields by name, false to clear; `run` is a time in ms, or true for now
--   note     JSON text for the trail
local function edit_job(j, changes, note)
  if not is_live(j) or j.l == 'x' or has_waits(j) then return false end
  trail_note(j, 'edited', note)
  local timed = changes.run ~= nil
  local run_at = type(changes.run) == 'number' and changes.run or now
  local lane = j.l
  if timed and lane ~= 'd' then
    if run_at > now then lane = 't'
    elseif tonumber(j.un or 0) > 0 then lane = 'd'
    else lane = ready_lane(j, has_place(j)) end
  end
  local moved = lane ~= j.l or (changes.y ~= nil and (changes.y or '0') ~= priority(j))
  local due = lane == 't' and (timed and run_at or tonumber(call('ZSCORE', P .. 'due', j.id))) or nil
  local gives_up = (j.l == 'r' or j.l == 'p') and has_place(j) and lane ~= 'r' and lane ~= j.l
  leave(j)
  if changes.tg ~= nil then
    tag_index('ZREM', j)
    live_tag_index('ZREM', j)
  end
  local fields = { l = lane, ch = now }
  for name, value in pairs(changes) do fields[name] = value end
  if changes.m then fields.m = math.max(tonumber(changes.m), attempts(j) + 1) end
  if changes.y == '0' then fields.y = false end
  if timed then
    fields.run = run_at
    if j.na then fields.na = run_at end
  end
  if lane ~= j.l or (lane ~= 't' and lane ~= 'p') then fields.hp = false end
  if lane ~= 'p' then fields.pz = false end
  if moved then fields.s = next_seq() end
  set_fields(j, fields)
  enter(j, lane, due)
  if changes.tg ~= nil then
    tag_index('ZADD', j)
    live_tag_index('ZADD', j)
    tags_changed(j)
  end
  if timed and lane == 'd' then open_barrier(j) end
  if gives_up then leave_group(j.gk) end
  return true
end

-- Makes a job pending again under its own id; whether it did.
--   reset    count attempts from 0 again; else a job whose attempts are used up gets one more
--   running  also revoke the lease of one that executes
local function retry_job(j, reset, running)
  local ended = j.l == 'f' or j.l == 'c'
  local was_running = j.l == 'x'
  if not ended and not (was_running and running) and not (j.na and not was_running and is_live(j)) then return false end
  local fields = { run = now, lr = now, ch = now, na = false, cq = false, tok = false, w = false, hp = false, pz = false, s = next_seq() }
  local lane = ready_lane(j, was_running or j.l == 'r' or j.hp ~= nil)
  if was_running then
    call('HSET', P .. 'cr:' .. j.w, j.id .. ':' .. j.tok, '1')
    trail_attempt(j, 'revoked')
    -- The request stays: its worker has to hear of it.
    j.cq = nil
    fields.cq = nil
    call('HDEL', job_key(j.id), 'cq')
  else
    trail_note(j, 'retried')
  end
  if ended then
    lane = ready_lane(j, false)
    mark('dead:' .. j.l, tonumber(j.id), false)
    call('ZREM', P .. 'ended:' .. j.l, j.id)
    mark('live', tonumber(j.id), true)
    live_tag_index('ZADD', j)
    fields.cl, fields.by, fields.fin, fields.dla, fields.dli = false, false, false, false, false
    fields.prog, fields.pr, fields.cr = false, false, false
  else
    leave(j)
    if j.na then call('ZREM', P .. 'again', j.id) end
  end
  if reset then fields.a = false
  elseif attempts(j) >= max_attempts(j) then fields.m = attempts(j) + 1 end
  local was_blocked = ended and j.un ~= nil
  fields.un = false
  fields.l = was_blocked and 'd' or lane
  set_fields(j, fields)
  if not (was_blocked and block_again(j)) then
    if was_blocked then set_fields(j, { l = lane }) end
    enter(j, lane)
  end
  wake('r')
  return true
end
