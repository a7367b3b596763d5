-- Adding jobs that wait for others.

-- Prerequisites that do not exist. With `forgets`, one that is not stored any more counts as completed, if its id was ever given out.
missing_of = function(jobs, forgets)
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

-- A job that was just added waits, unless all it names has ended; `levels` gains that of one which is ready.
await_others = function(j, levels)
  -- A prerequisite of this batch may have been cancelled just now, and this one with it.
  if not is_live(j) then return end
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
