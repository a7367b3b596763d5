-- Inserts a job. `fields` are stored names and values, `run` the due time if one was given; `id` was drawn by the caller.
-- Dependencies are looked at by the caller, once the whole batch is there.
local function insert_job(id, fields, blocked)
  local j = fields
  j.id = tostring(id)
  j.c = stamp
  local lane
  if blocked then lane = 'd'
  elseif j.run and tonumber(j.run) > now then lane = 't'
  elseif j.gk then lane = 'g'
  else lane = 'r' end
  j.l = lane
  if is_long(j.p) then
    call('SET', P .. 'p:' .. id, j.p)
    j.p = nil
  end
  local flat = {}
  for name, value in pairs(j) do
    if name ~= 'id' then
      flat[#flat + 1] = name
      flat[#flat + 1] = value
    end
  end
  call('HSET', job_key(id), unpack(flat))
  mark('live', tonumber(id), true)
  enter(j, lane, tonumber(j.run))
  if j.tg then
    tag_index('ZADD', j)
    live_tag_index('ZADD', j)
  end
  return j
end
