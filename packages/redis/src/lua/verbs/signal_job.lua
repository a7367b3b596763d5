-- flags: 
-- include: steps text trail lanes groups complete ends dependencies waits
-- Gives a job something it waits for, or will: a signal nobody awaits yet is kept for the first wait of its name.
--   ARGV  id, name, data (JSON), rich (1)
-- Returns changed, unchanged (the job has ended) or not_found.

local j = read_job(ARGV[1])
if j == nil then return 'not_found' end
if not is_live(j) then return 'unchanged' end
call('RPUSH', P .. 'sg:' .. j.id, cmsgpack.pack({ name = ARGV[2], data = ARGV[3], rich = ARGV[4] == '1' }))
for _, step in ipairs(read_steps(j.id)) do
  if step.status == 'p' and step.kind == 'g' and step.awaited == 'signal:' .. ARGV[2] then
    wake_waiter(j.id)
    break
  end
end
tell_sleepers()
return 'changed'
