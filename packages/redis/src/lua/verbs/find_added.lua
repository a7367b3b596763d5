-- flags: no-writes
-- Looks for the jobs of a batch among those that are there, in the order of their ids: ids may leave out millions (see resume.lua).
--   ARGV  nonce, first id, how many jobs of each state to look at
-- Returns {ids found, in order; the id to go on from, '' at the end}.

local count = tonumber(ARGV[3])
local sets, upto = {}, nil
for _, index in ipairs({ 'live', 'done', 'dead:f', 'dead:c' }) do
  local ids = numbers_from(index, tonumber(ARGV[2]), count)
  -- Beyond its last one, a set that is not exhausted may have more.
  if #ids == count then upto = math.min(upto or ids[count], ids[count]) end
  sets[#sets + 1] = ids
end
local found = {}
for _, ids in ipairs(sets) do
  for _, id in ipairs(ids) do
    if upto and id > upto then break end
    if call('HGET', job_key(whole(id)), 'no') == ARGV[1] then found[#found + 1] = id end
  end
end
table.sort(found)
for n, id in ipairs(found) do found[n] = whole(id) end
return { found, upto and whole(upto + 1) or '' }
