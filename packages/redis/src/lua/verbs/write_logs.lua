-- flags:
-- Stores lines of attempts, fenced by their token: also of one that has just been settled, as long as nobody has taken the job over. Of
-- each job the last 1,000 lines stay, and at most 1 MB of them: the list lg:<id> of packed {id, at, attempt, level, message, fields}, and
-- the hash lz:<id> of its bytes and of how many lines are gone. A job that has any says so (lo).
--   ARGV  for each attempt: id, token, attempt, lines left out before these, number of lines; of each line: ms ago, level, message,
--         fields (JSON; '' none)
-- Returns for each attempt 1 if its lines were stored, else 0.

local results = {}
local at = 1
while at <= #ARGV do
  local id, token, attempt, gone, count = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  at = at + 5
  local j = read_job(id)
  if j and j.tok == token then
    local list, size = P .. 'lg:' .. id, P .. 'lz:' .. id
    if j.lo == nil then set_fields(j, { lo = '1' }) end
    local bytes = tonumber(call('HGET', size, 'bytes') or 0)
    for n = 1, count do
      local from = at + (n - 1) * 4
      local line = cmsgpack.pack({
        call('INCR', P .. 'log_ids'), now - tonumber(ARGV[from]), attempt, ARGV[from + 1], ARGV[from + 2], ARGV[from + 3],
      })
      bytes = bytes + #line
      call('RPUSH', list, line)
    end
    local left = call('LLEN', list)
    while left > 1000 or bytes > 1048576 do
      bytes = bytes - #call('LPOP', list)
      left = left - 1
      gone = gone + 1
    end
    call('HSET', size, 'bytes', bytes)
    if gone > 0 then call('HINCRBY', size, 'dropped', gone) end
    results[#results + 1] = 1
  else
    results[#results + 1] = 0
  end
  at = at + count * 4
end
return results
