-- flags: no-writes
-- Every worker: {number, when its lease runs out, how many jobs it holds, what it said of itself}.

local answer = {}
local found = call('ZRANGE', P .. 'wx', 0, -1, 'WITHSCORES')
for at = 1, #found, 2 do
  answer[#answer + 1] = { found[at], found[at + 1], call('HLEN', P .. 'h:' .. found[at]), call('HGETALL', P .. 'w:' .. found[at]) }
end
return answer
