-- flags: no-writes
-- What a job depends on by id, in the order given.
--   ARGV  id
-- Returns {id, name, type, status letter, output, last error's trail entry} of each, '' for what there is not; false for no job.

local j = read_job(ARGV[1])
if j == nil then return false end
local names = j.dn and cjson.decode(j.dn) or {}
local answer = {}
for n, number in ipairs(j.dj and cjson.decode(j.dj) or {}) do
  local id = whole(number)
  local f = call('HMGET', job_key(id), 'l', 'na', 'n', 'out')
  local lane = f[1]
  -- What is not stored any more was completed: nothing else is ever cleaned up.
  local status = not lane and 'k' or lane
  if lane and lane ~= 'x' and lane ~= 'k' and lane ~= 'f' and lane ~= 'c' then status = f[2] and 'a' or 'p' end
  local last = (lane == 'f' or lane == 'c') and call('LINDEX', P .. 'g:' .. id, -1) or ''
  answer[n] = { id, names[n] or '', f[3] or '', status, f[4] or '', last or '' }
end
return answer
