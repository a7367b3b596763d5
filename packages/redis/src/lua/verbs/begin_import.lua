-- flags:
-- Sets ids aside for what was not known of a source before: as they are where nothing of this instance can have them, else moved up. The
-- hash tf has by source a JSON list of {from, to, shift}.
--   ARGV  source, first id, last id
-- Returns the list.

local source, first, last = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local ranges = cjson.decode(call('HGET', P .. 'tf', source) or '[]')
local known = #ranges > 0 and ranges[#ranges].to or 0
first = math.max(first, known + 1)
if tonumber(ARGV[2]) > 0 and last >= first then
  local drawn = tonumber(call('GET', P .. 'ids') or 0)
  local shift = drawn < first and 0 or drawn + 1 - first
  call('SET', P .. 'ids', whole(last + shift))
  local texts = {}
  ranges[#ranges + 1] = { from = first, to = last, shift = shift }
  for n, r in ipairs(ranges) do
    texts[n] = '{"from":' .. whole(r.from) .. ',"to":' .. whole(r.to) .. ',"shift":' .. whole(r.shift) .. '}'
  end
  call('HSET', P .. 'tf', source, '[' .. table.concat(texts, ',') .. ']')
end
return call('HGET', P .. 'tf', source) or '[]'
