-- Adding jobs. A job in ARGV: type, payload (JSON), number of fields, then name and value of each field as stored; `km` is the key mode.
-- Of prerequisites, -1 is the first job of the same batch.

-- The jobs at a position in ARGV, and the position after them.
local function read_jobs(at, count)
  local jobs = {}
  for n = 1, count do
    local j = { n = ARGV[at], p = ARGV[at + 1] }
    local fields = tonumber(ARGV[at + 2])
    at = at + 3
    for _ = 1, fields do
      j[ARGV[at]] = ARGV[at + 1]
      at = at + 2
    end
    jobs[n] = j
  end
  return jobs, at
end

-- Prerequisites that do not exist. With `forgets`, one that is not stored any more counts as completed, if its id was ever given out.
local function missing_of(jobs, forgets)
  local missing, asked = {}, {}
  local last = nil
  for _, j in ipairs(jobs) do
    for _, on in ipairs(j.dj and cjson.decode(j.dj) or {}) do
      if on >= 0 and not asked[on] then
        asked[on] = true
        if call('EXISTS', job_key(whole(on))) == 0 then
          last = last or tonumber(call('GET', P .. 'ids') or 0)
          if not (forgets and on >= 1 and on <= last) then missing[#missing + 1] = whole(on) end
        end
      end
    end
  end
  return missing
end

-- Adds a batch whose prerequisites are known to exist. Answers ids, created flags, and the levels that may have gained ready jobs.
local function add_batch(jobs)
  local ids, created, has_keys = {}, {}, false
  local count = #jobs
  local last = count > 0 and call('INCRBY', P .. 'ids', count) or 0
  for n, j in ipairs(jobs) do
    ids[n] = whole(last - count + n)
    created[n] = 1
    if j.ik then has_keys = true end
  end
  if has_keys then take_keys(jobs, ids, created) end

  local levels, waiting = {}, {}
  for n, j in ipairs(jobs) do
    if created[n] == 1 then
      j.km = nil
      if j.dj then
        -- Places in the batch become ids; text is built here, so that no number takes another form.
        local ons = {}
        for _, on in ipairs(cjson.decode(j.dj)) do ons[#ons + 1] = on < 0 and ids[-on] or whole(on) end
        j.dj = '[' .. table.concat(ons, ',') .. ']'
      end
      local blocked = j.dj ~= nil or j.dt ~= nil
      insert_job(ids[n], j, blocked)
      if blocked then waiting[#waiting + 1] = j elseif j.l == 'r' or j.l == 'g' then levels[priority(j)] = true end
    end
  end
  for _, j in ipairs(waiting) do
    -- A prerequisite of this batch may have been cancelled just now, and this one with it.
    if is_live(j) then
      local un, fatal = block(j, false)
      if fatal then
        end_job(j, 'c', nil, nil, nil, fatal)
      elseif un == 0 then
        if is_due(j) then let_go(j) else put_off(j) end
      elseif un == 1 and j.bt then
        open_barrier(j)
      end
      if j.l == 'r' or j.l == 'g' then levels[priority(j)] = true end
    end
  end
  return ids, created, levels
end
