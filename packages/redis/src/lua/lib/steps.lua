-- What a job remembers between two runs of its handler: the hash st:<job>, by key
--   s:<name>  a step               kind s
--   c:<name>  a call that added children at once; kind s
--   n:<name>  a wait with a name   kind t (a time), w (a token), g (a signal) or e (an event)
--   p:<n>     the n-th wait without one
--   k:<n>     the n-th token that the handler made; kind k
-- of packed records {seq, ended_seq, token, attempt, tries, kind, status (d done, f failed, p pending), rich, timed_out, started, ended,
-- wait_until, awaited, filter, result, error}; filter, result and error are JSON texts.
-- sg:<job> lists signals that the job has not awaited yet, aw:<awaited> is the set of {job}:{key} that wait for a token or an event.

local function read_steps(id)
  local flat = call('HGETALL', P .. 'st:' .. id)
  local steps = {}
  for at = 1, #flat, 2 do
    local step = cmsgpack.unpack(flat[at + 1])
    step.key = flat[at]
    steps[#steps + 1] = step
  end
  table.sort(steps, function(a, b) return a.seq < b.seq end)
  return steps
end

local function write_step(id, step)
  local key = step.key
  step.key = nil
  call('HSET', P .. 'st:' .. id, key, cmsgpack.pack(step))
  step.key = key
end

local function step_row(step)
  return {
    step.key, step.kind, step.status, step.rich and 1 or 0, step.timed_out and 1 or 0, step.awaited or '', step.tries, step.result or '',
    step.attempt, whole(step.started), step.ended and whole(step.ended) or '', step.wait_until and whole(step.wait_until) or '',
    step.error or '',
  }
end

local function step_rows(id)
  local rows = {}
  for n, step in ipairs(read_steps(id)) do rows[n] = step_row(step) end
  return rows
end
