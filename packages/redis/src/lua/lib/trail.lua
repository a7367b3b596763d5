-- The trail of a job: a list of JSON texts at g:<id>, one entry for each past attempt that did not complete the job and for each edit,
-- retry, prolongation and cancellation. At most 100 stay; `ld` counts the events of the others. Errors pass through as the text they
-- came as.

-- How many events one entry stands for; as in model/trail.ts.
local function trail_events(text)
  local entry = cjson.decode(text)
  if entry.kind ~= 'attempt' then return 1 end
  return entry.outcome == 'revoked' and 3 or 2
end

local function trail_add(j, text)
  local key = P .. 'g:' .. j.id
  local count = call('RPUSH', key, text)
  if j.tr == nil then set_fields(j, { tr = '1' }) end
  if count > 100 then set_fields(j, { ld = (j.ld or 0) + trail_events(call('LPOP', key)) }) end
end

-- `err` is JSON text or nil.
local function trail_attempt(j, outcome, err, reason)
  local parts = { '{"kind":"attempt","outcome":"', outcome, '","attempt":', j.a or '0' }
  if j.tok then parts[#parts + 1] = ',"token":' .. j.tok end
  if j.by then parts[#parts + 1] = ',"worker":' .. quote(j.by) end
  if j.cl then parts[#parts + 1] = ',"claimedAt":' .. j.cl end
  parts[#parts + 1] = ',"at":' .. now
  if err then parts[#parts + 1] = ',"error":' .. err end
  if reason then parts[#parts + 1] = ',"reason":' .. quote(reason) end
  parts[#parts + 1] = '}'
  trail_add(j, table.concat(parts))
end

-- `metadata` is JSON text or nil.
local function trail_note(j, kind, metadata)
  trail_add(j, '{"kind":"' .. kind .. '","at":' .. now .. (metadata and ',"metadata":' .. metadata or '') .. '}')
end
