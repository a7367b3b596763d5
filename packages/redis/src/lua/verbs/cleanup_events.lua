-- flags: allow-oom
-- include: text trail
-- Forgets the trail of completed jobs that ended before a time. `trails` lists those that have one, in the order of completion.
--   ARGV  days to keep, most jobs
-- Returns {how many jobs were looked at, how many events went}.

local before = now - tonumber(ARGV[1]) * 86400000
local looked, events = 0, 0
while looked < tonumber(ARGV[2]) do
  local id = call('LINDEX', P .. 'trails', 0)
  if not id then break end
  local j = read_job(id)
  if j and tonumber(j.fin) >= before then break end
  call('LPOP', P .. 'trails')
  looked = looked + 1
  if j then
    local gone = 0
    for _, text in ipairs(call('LRANGE', P .. 'g:' .. id, 0, -1)) do gone = gone + trail_events(text) end
    call('DEL', P .. 'g:' .. id)
    set_fields(j, { ld = (j.ld or 0) + gone })
    events = events + gone
  end
end
return { looked, events }
