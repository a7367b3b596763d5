-- flags: allow-oom
-- include: text trail lanes groups complete ends dependencies change insert keys add add_after steps waits completions settle rescue
-- Removes a worker. What it still holds is handed back without using up the attempts.
--   ARGV  worker

local worker = ARGV[1]
for _, id in ipairs(held_jobs(worker)) do
  settle_other(read_job(id), { kind = 'released' }, true)
end
forget_worker(worker)
set_group_limit()
tell_sleepers()
return 1
