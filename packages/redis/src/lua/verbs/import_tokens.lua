-- flags:
-- Adds tokens of no job that are not there.
--   ARGV  of each: id, its fields (a JSON object)
-- Returns how many.

local count = 0
for at = 1, #ARGV, 2 do
  local id, t = ARGV[at], cjson.decode(ARGV[at + 1])
  if call('EXISTS', P .. 'wp:' .. id) == 0 then
    local fields = {}
    for name, value in pairs(t) do
      fields[#fields + 1] = name
      fields[#fields + 1] = value
    end
    call('HSET', P .. 'wp:' .. id, unpack(fields))
    if t.status == 'w' then
      if t.timeout then call('ZADD', P .. 'wt', t.timeout, id) end
    else
      call('ZADD', P .. 'wd', t.completed or t.timeout, id)
    end
    count = count + 1
  end
end
return count
