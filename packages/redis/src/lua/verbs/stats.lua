-- flags: no-writes
-- Returns {live, executing, between two attempts, completed, failed for good, cancelled, ready, timed, waiting for a group, age of the
-- oldest ready job in ms or '', live workers,
-- suspended, of those without a time, paused}.

local executing = 0
for _, worker in ipairs(call('ZRANGE', P .. 'wx', 0, -1)) do executing = executing + call('HLEN', P .. 'h:' .. worker) end
local ready, oldest = 0, nil
for _, level in ipairs(call('ZRANGE', P .. 'rl', 0, -1)) do
  ready = ready + count_numbers('r:' .. level)
  local first = numbers_from('r:' .. level, 0, 1)[1]
  if first then
    local id = call('HGET', P .. 'places', whole(first)) or whole(first)
    local f = call('HMGET', job_key(id), 'run', 'c')
    local since = tonumber(f[1] or f[2])
    if oldest == nil or since < oldest then oldest = since end
  end
end
local paused = 0
for _, packed in ipairs(call('HVALS', P .. 'ps')) do paused = paused + count_numbers('pp:' .. whole(cmsgpack.unpack(packed).id)) end
return {
  count_numbers('live'), executing, call('ZCARD', P .. 'again'), call('LLEN', P .. 'finished'), count_numbers('dead:f'),
  count_numbers('dead:c'), ready, call('ZCARD', P .. 'due'), tonumber(call('HGET', P .. 'meta', 'waiting') or 0),
  oldest and whole(math.max(0, now - oldest)) or '', call('ZCOUNT', P .. 'wx', '(' .. now, '+inf'),
  call('ZCARD', P .. 'waits'), call('SCARD', P .. 'ww'), paused,
}
