-- flags: no-writes
-- Tokens of no job: those that wait with a limit or have ended are in wt and wd; the others are found among all.
--   ARGV  cursor of the scan ('0' at first), how many keys to look at
-- Returns {the next cursor, id and fields of each}.

local prefix = P .. 'wp:'
local pattern = string.gsub(prefix, '[%*%?%[%]%\\]', '\\%0') .. '*'
local scanned = call('SCAN', ARGV[1], 'MATCH', pattern, 'COUNT', ARGV[2])
local tokens = {}
for _, key in ipairs(scanned[2]) do
  local flat = call('HGETALL', key)
  local has_job = false
  for at = 1, #flat, 2 do has_job = has_job or flat[at] == 'job' end
  if #flat > 0 and not has_job then tokens[#tokens + 1] = { string.sub(key, #prefix + 1), flat } end
end
return { scanned[1], tokens }
