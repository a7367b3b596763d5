-- flags: no-writes
-- include: lanes groups complete steps
-- Jobs with all that belongs to them, by ascending id; those that run are left out.
--   ARGV  only such as others wait for (1), after, up to, how many candidates, then the sets to look in
-- Returns {the id to go on after, '' at the end; of each job: id, stored fields, trail, steps and signals packed as JSON, tokens, the
-- prerequisites that are open, holds its key (1), tenant of its
-- schedule, due time of a timed one}.

local only_awaited, after, upto, count = ARGV[1] == '1', tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local ids, last = {}, nil
for at = 5, #ARGV do
  local found = numbers_from(ARGV[at], after + 1, count)
  -- Beyond its last one, a set that is not exhausted may have more.
  if #found == count then last = math.min(last or found[count], found[count]) end
  for _, id in ipairs(found) do ids[#ids + 1] = id end
end
table.sort(ids)

local function tokens_of(id)
  local tokens = call('SMEMBERS', P .. 'jt:' .. id)
  table.sort(tokens)
  for n, token in ipairs(tokens) do tokens[n] = { token, call('HGETALL', P .. 'wp:' .. token) } end
  return tokens
end

local function memory_of(id)
  local steps, signals = read_steps(id), {}
  for n, text in ipairs(call('LRANGE', P .. 'sg:' .. id, 0, -1)) do
    local signal = cmsgpack.unpack(text)
    signals[n] = { signal.name, signal.data, signal.rich and 1 or 0 }
  end
  local rows = {}
  for n, s in ipairs(steps) do
    rows[n] = step_row(s)
    rows[n][14], rows[n][15], rows[n][16] = whole(s.seq), s.ended_seq and whole(s.ended_seq) or '', s.filter or ''
  end
  return rows, signals
end

local answer = { '' }
for _, number in ipairs(ids) do
  if number > upto then break end
  if last and number > last then break end
  local id = whole(number)
  local j = read_job(id)
  local is_awaited = call('EXISTS', P .. 'dp:' .. id, P .. 'dk:' .. id) > 0
  if j and j.l ~= 'x' and (is_awaited or not only_awaited) then
    local steps, signals = memory_of(id)
    local ons = call('SMEMBERS', P .. 'do:' .. id)
    local holds = j.ik and call('HGET', P .. 'keys', key_field(j)) == id
    local schedule = j.sc and call('HGET', P .. 's:' .. whole(cjson.decode(j.sc).id), 'tenant')
    answer[#answer + 1] = {
      id, with_payload(id, j.flat, j.p ~= nil), call('LRANGE', P .. 'g:' .. id, 0, -1), steps, signals, tokens_of(id), ons,
      holds and 1 or 0, schedule or '', j.l == 't' and call('ZSCORE', P .. 'due', id) or '',
    }
  end
end
if last and last < upto then answer[1] = whole(last) end
return answer
