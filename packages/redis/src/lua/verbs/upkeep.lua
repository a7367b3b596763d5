-- flags: allow-oom
-- include: lanes groups
-- Forgets what nothing refers to any more, and wakes groups with waiting jobs.

for _, key in ipairs(call('HKEYS', P .. 'gs')) do
  if call('EXISTS', P .. 'gq:' .. key) == 1 then wake_group(key) end
end

-- Keys whose window is over and whose job has ended. Those of live jobs stay: what begins each call elsewhere gets by more than a thousand.
local over = call('ZCOUNT', P .. 'kw', '-inf', now)
for _, field in ipairs(call('ZRANGEBYSCORE', P .. 'kw', '-inf', now, 'LIMIT', over > 1000 and now % (over - 999) or 0, 1000)) do
  local lane = call('HGET', job_key(call('HGET', P .. 'keys', field) or ''), 'l')
  if not lane or not is_live({ l = lane }) then
    call('HDEL', P .. 'keys', field)
    call('ZREM', P .. 'kw', field)
  end
end
return 1
