-- Ends that are no completion.

-- The dead-letter job of a final failure; its id. The payload is copied as the text it is.
local function add_letter(j, message, reason)
  local id = next_seq()
  local letter = { id = tostring(id), n = j.dl, tn = j.tn, tg = j.tg }
  local envelope = table.concat({
    '{"originalJob":{"id":', j.id, ',"jobType":', quote(j.n), ',"attempts":', j.a or '0', ',"maxAttempts":', j.m or '3',
    '},"originalPayload":', payload(j), ',"failure":{"message":', message or 'null', ',"reason":', reason and quote(reason) or 'null',
    ',"failedAt":"', iso(now), '"}}',
  })
  local fields = { n = j.dl, p = envelope, c = now, l = 'r', m = '1' }
  if j.rich then fields.rich = '1' end
  if j.tn then fields.tn = j.tn end
  if j.tg then fields.tg = j.tg end
  if j.tc then fields.tc = j.tc end
  set_fields(letter, fields)
  mark('live', id, true)
  enter(letter, 'r')
  tag_index('ZADD', letter)
  live_tag_index('ZADD', letter)
  return id
end

-- Ends a live job for good.
--   status  f failed, c cancelled
--   err, message  JSON texts of the error and its message, or nil
--   root    of a dependent: the job whose end began it
end_job = function(j, status, err, message, reason, root)
  local was_running = j.l == 'x'
  if was_running then
    trail_attempt(j, status == 'f' and 'failed' or 'cancelled', err, reason)
  else
    trail_note(j, 'cancelled', root and '{"rootJobId":' .. root .. ',"dependencyCascade":true}' or nil)
  end
  local held = has_place(j)
  leave(j)
  if j.na then call('ZREM', P .. 'again', j.id) end
  mark('live', tonumber(j.id), false)
  live_tag_index('ZREM', j)
  mark('dead:' .. status, tonumber(j.id), true)
  call('ZADD', P .. 'ended:' .. status, now, j.id)
  local fields = { l = status, fin = now, w = false, na = false, cq = false, hp = false, pr = false, wu = false, wk = false, pz = false }
  if root then fields.pr = '{"rootJobId":' .. root .. ',"dependencyCascade":true}' end
  if status == 'f' then
    fields.lf = now
    if reason then fields.fr = reason end
    if j.dl then
      fields.dli = add_letter(j, message, reason)
      fields.dla = now
    end
  else
    fields.lc = now
  end
  set_fields(j, fields)
  forget_dependencies(j)
  if held then leave_group(j.gk) end
  tell_ended(j.id, 'f', root)
end
