-- flags: no-writes
-- What is leased to a worker now.
--   ARGV  worker, then tokens that it knows of, which are left out
-- Returns {id, attempt, handler version, stored fields, token} of each.

local known = {}
for at = 2, #ARGV do known[ARGV[at]] = true end
local held = call('HGETALL', P .. 'h:' .. ARGV[1])
local answer = {}
for at = 1, #held, 2 do
  if not known[held[at + 1]] then
    local j = read_job(held[at])
    answer[#answer + 1] = { j.id, j.a, j.hv or '', with_payload(j.id, j.flat, j.p ~= nil), j.tok }
  end
end
return answer
