-- flags: allow-oom
-- include: text trail lanes groups complete ends dependencies
-- Looks at what imported jobs wait for, which may have ended or never have come.
--   ARGV  first id, last id, cursor of the scan ('0' at first)
-- Returns the next cursor, '0' at the end.

local first, last = tonumber(ARGV[1]), tonumber(ARGV[2])
local scanned = call('SSCAN', P .. 'blocked', ARGV[3], 'COUNT', 500)
for _, id in ipairs(scanned[2]) do
  if tonumber(id) >= first and tonumber(id) <= last then
    for _, on in ipairs(call('SMEMBERS', P .. 'do:' .. id)) do
      local lane = call('HGET', job_key(on), 'l')
      if not lane or lane == 'k' then
        call('ZREM', P .. 'dp:' .. on, id)
        call('ZREM', P .. 'dk:' .. on, id)
        meet(read_job(id), on)
      end
    end
    local j = read_job(id)
    if j and is_live(j) then open_barrier(j) end
  end
end
tell_sleepers()
return scanned[1]
