-- flags: no-writes
-- Looks for the jobs of a batch among a range of ids.
--   ARGV  nonce, first id, how many
-- Returns {ids found, in order; the last id given out}.

local found = {}
local last = tonumber(call('GET', P .. 'ids') or 0)
local first = tonumber(ARGV[2])
for id = first, math.min(last, first + tonumber(ARGV[3]) - 1) do
  if call('HGET', job_key(whole(id)), 'no') == ARGV[1] then found[#found + 1] = whole(id) end
end
return { found, whole(last) }
