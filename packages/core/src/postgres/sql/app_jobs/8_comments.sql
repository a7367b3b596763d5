-- What everything here is, for whoever looks with psql.
comment on view app_jobs.jobs is 'Jobs of tenants whose id is a UUID, as @pgpm/database-jobs had them; can be written to. Lower priority numbers go first.';
comment on view app_jobs.job_queues is 'Queues that have jobs; setting locked_by to null takes the lock away.';
comment on view app_jobs.scheduled_jobs is 'Schedules of such tenants; can be written to.';
comment on trigger insert_job on app_jobs.jobs is 'Adds the job that is inserted.';
comment on trigger update_job on app_jobs.jobs is 'Changes a job that does not run, or takes its lock away.';
comment on trigger delete_job on app_jobs.jobs is 'Deletes a job.';
comment on trigger change_queue on app_jobs.job_queues is 'Takes the lock of a queue away.';
comment on trigger change_schedule on app_jobs.scheduled_jobs is 'Adds, changes or removes a schedule.';
do $app$
declare
  v_function regprocedure;
  v_comment text;
begin
  for v_function, v_comment in
    select p.oid::regprocedure, coalesce(c.comment, 'Internal: may change with any version.')
    from pg_catalog.pg_proc p left join (values
      ('add_job', 'Adds a job, or changes the one of this database that has the key and waits; a job that has failed for good starts anew.'),
      ('get_job', 'Claims the next job for a worker and answers it; a row of nulls: there is none.'),
      ('complete_job', 'Completes a job that this worker holds, and answers it; a row of nulls: it does not hold it.'),
      ('complete_jobs', 'Completes jobs that nobody runs.'),
      ('fail_job', 'Records that an attempt of a job that this worker holds failed; it waits e^attempts seconds, at most e^10.'),
      ('permanently_fail_jobs', 'Fails jobs that nobody runs, for good.'),
      ('reschedule_jobs', 'Changes time, priority and attempts of jobs that nobody runs.'),
      ('release_jobs', 'Gives back what a worker holds; the attempts stay used up.'),
      ('add_scheduled_job', 'Adds a schedule, or changes the one of this database that has the key.'),
      ('get_scheduled_job', 'Takes the next schedule for a scheduler of the package. Ours fires every schedule all the same: run one kind.'),
      ('run_scheduled_job', 'Adds the job of a schedule now; ALREADY_SCHEDULED: its last one is unended.'),
      ('release_scheduled_jobs', 'Gives back schedules that a scheduler has taken.'),
      ('tg_add_job_with_row_id', 'Trigger function: a job with the id of each row.'),
      ('tg_add_job_with_row', 'Trigger function: a job with each row.'),
      ('trigger_job_with_fields', 'Trigger function: a job with the named columns of each row.'),
      ('json_build_object_apply', 'An object of names and values in turn.')
    ) c(name, comment) on c.name = p.proname
    where p.pronamespace = 'app_jobs'::regnamespace
  loop
    execute format('comment on function %s is %L', v_function, v_comment);
  end loop;
end $app$;
