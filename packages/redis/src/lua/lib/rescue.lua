-- Takes back an attempt whose worker is gone. On the last attempt, or the fifth crash in a row, the job ends as a dead letter; else it
-- is ready again at once, the attempt used up.
-- A crash of an attempt that had finished a step (`go` is its token) is none in a row: the job gets further.
local function take_back(j)
  local got_on = j.go ~= nil and j.go == j.tok
  if j.cq then
    end_job(j, 'c', nil, nil, 'worker_lost')
  elseif attempts(j) >= max_attempts(j) or (tonumber(j.cr or 0) >= 4 and not got_on) then
    local message = '"The worker that ran this attempt died or was cut off for longer than its lease."'
    end_job(j, 'f', '{"name":"WorkerLost","message":' .. message .. ',"reason":"worker_lost","attempt":' .. j.a .. ',"workerId":'
      .. quote(j.by or '') .. ',"timestamp":"' .. iso(now) .. '"}', message, 'worker_lost')
  else
    trail_attempt(j, 'lost', nil, 'worker_lost')
    leave(j)
    set_fields(j, { l = 'r', s = next_seq(), tok = false, w = false, cr = not got_on and (j.cr or 0) + 1 })
    enter(j, 'r')
  end
end

local function forget_worker(worker)
  call('ZREM', P .. 'wx', worker)
  call('ZREM', P .. 'ws', worker)
  call('DEL', P .. 'w:' .. worker, P .. 'cr:' .. worker, P .. 'h:' .. worker)
end

local function held_jobs(worker)
  flush()
  local ids = call('HKEYS', P .. 'h:' .. worker)
  table.sort(ids, function(a, b) return tonumber(a) < tonumber(b) end)
  return ids
end

-- Takes back everything leased to workers that have been silent past their lease. Returns how many.
local function rescue()
  local dead = call('ZRANGEBYSCORE', P .. 'wx', '-inf', '(' .. now)
  local count = 0
  for _, worker in ipairs(dead) do
    for _, id in ipairs(held_jobs(worker)) do
      take_back(read_job(id))
      count = count + 1
    end
    forget_worker(worker)
  end
  if #dead > 0 then set_group_limit() end
  if count > 0 then wake('r') end
  return count
end
