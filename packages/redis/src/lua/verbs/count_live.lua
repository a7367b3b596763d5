-- flags: no-writes
-- How many live jobs there are up to an id.
--   ARGV  the id

local upto, count = tonumber(ARGV[1]), 0
for _, stretch in ipairs(call('ZRANGE', P .. 'live', 0, -1)) do
  if stretch * 1024 + 1023 <= upto then
    count = count + call('BITCOUNT', bits_key('live', stretch))
  elseif stretch * 1024 <= upto then
    for _, number in ipairs(numbers_from('live', stretch * 1024, 1024)) do
      if number <= upto and number < stretch * 1024 + 1024 then count = count + 1 end
    end
  end
end
return count
