-- flags: allow-oom
-- include: text trail
-- Progress, output and prolongation of running attempts, fenced like a settlement.
--   ARGV  for each: id, token, progress, output (JSON), ms prolonged; '' for what there is not
-- Returns id and token of each attempt that no longer holds its lease.

local lost = {}
for at = 1, #ARGV, 5 do
  local id, token = ARGV[at], ARGV[at + 1]
  local j = read_job(id)
  if j and j.l == 'x' and j.tok == token then
    local fields = { ch = now }
    if ARGV[at + 2] ~= '' then fields.prog = ARGV[at + 2] end
    if ARGV[at + 3] ~= '' then fields.out = ARGV[at + 3] end
    if ARGV[at + 4] ~= '' then trail_note(j, 'prolonged', '{"prolongedMs":' .. ARGV[at + 4] .. '}') end
    set_fields(j, fields)
  else
    lost[#lost + 1] = id
    lost[#lost + 1] = token
  end
end
return lost
