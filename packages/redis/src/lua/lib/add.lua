-- Adding jobs. A job in ARGV: type, payload (JSON), number of fields, then name and value of each field as stored; `km` is the key mode.
-- Of prerequisites, -1 is the first job of the same batch.

-- The jobs at a position in ARGV, and the position after them; whatever they need is defined then.
local function read_jobs(at, count)
  local jobs, needs_rest = {}, false
  for n = 1, count do
    local j = { n = ARGV[at], p = ARGV[at + 1] }
    local fields = tonumber(ARGV[at + 2])
    at = at + 3
    for _ = 1, fields do
      j[ARGV[at]] = ARGV[at + 1]
      at = at + 2
    end
    if j.ik or j.dj or j.dt then needs_rest = true end
    jobs[n] = j
  end
  if needs_rest and rest then rest() end
  return jobs, at, needs_rest
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
      j.km, j.kw = nil, nil
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
  for _, j in ipairs(waiting) do await_others(j, levels) end
  return ids, created, levels
end
