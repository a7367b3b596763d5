-- flags: allow-oom
-- include: lanes complete
-- Deletes completed jobs that ended before a time, oldest first. `finished` lists them in the order of completion.
--   ARGV  days to keep, most jobs
-- Returns how many.

local before = now - tonumber(ARGV[1]) * 86400000
local count = 0
while count < tonumber(ARGV[2]) do
  local id = call('LINDEX', P .. 'finished', 0)
  if not id then break end
  local j = read_job(id)
  if j and tonumber(j.fin) >= before then break end
  call('LPOP', P .. 'finished')
  mark('done', tonumber(id), false)
  if j then
    delete_job(j)
    count = count + 1
  end
end
-- Trails of jobs that are gone; they are in the same order.
while true do
  local id = call('LINDEX', P .. 'trails', 0)
  if not id or call('EXISTS', job_key(id)) == 1 then break end
  call('LPOP', P .. 'trails')
end
-- Tokens of no job that ended before that time, and that nobody waits for.
for _, id in ipairs(call('ZRANGEBYSCORE', P .. 'wd', '-inf', before, 'LIMIT', 0, tonumber(ARGV[2]))) do
  call('ZREM', P .. 'wd', id)
  call('DEL', P .. 'wp:' .. id)
end
return count
