-- flags: no-writes
-- include: steps
-- Jobs whole.
--   ARGV  ids
-- Returns {id, stored fields, trail, steps} of each that exists.

local answer = {}
for _, id in ipairs(ARGV) do
  local flat = call('HGETALL', job_key(id))
  if #flat > 0 then answer[#answer + 1] = { id, with_payload(id, flat), call('LRANGE', P .. 'g:' .. id, 0, -1), step_rows(id) } end
end
return answer
