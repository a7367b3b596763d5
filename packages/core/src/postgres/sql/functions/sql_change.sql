-- Changes to one job, by whoever may change it.

create or replace function :schema.cancel_job(job_id bigint) returns text language plpgsql as $$
declare
  v_answer jsonb := :schema.cancel_jobs(array[job_id], false);
begin
  return case
    when jsonb_array_length(v_answer -> 'changed') > 0 then 'cancelled'
    when jsonb_array_length(v_answer -> 'requested') > 0 then 'requested'
    when exists (select from :schema.failed_jobs j where j.id = job_id)
      or exists (select from :schema.finished_jobs j where j.id = job_id) then 'ended'
    else 'not_found'
  end;
end $$;
comment on function :schema.cancel_job(bigint) is
  'Cancels a job: `cancelled` if it had not been running, `requested` if its worker has been asked to stop, `ended` if it had ended before, or `not_found`.';

create or replace function :schema.retry_job(job_id bigint, reset_attempts boolean default false) returns boolean language sql volatile as $$
  select cardinality(:schema.retry_jobs(array[retry_job.job_id], retry_job.reset_attempts)) > 0
$$;
comment on function :schema.retry_job(bigint, boolean) is
  'Makes a failed, cancelled or running job ready again under the same id; a running attempt loses its claim. A job whose attempts are used up gets one more, or all with `reset_attempts`. False: there is nothing to retry.';

create or replace function :schema.reschedule_job(
  job_id bigint, run_at timestamptz default null, priority integer default null, max_attempts integer default null
) returns boolean language sql volatile as $$
  -- Without any of the others: due now.
  select cardinality(:schema.edit_jobs(array[reschedule_job.job_id],
    jsonb_strip_nulls(jsonb_build_object('priority', reschedule_job.priority, 'max_attempts', reschedule_job.max_attempts))
      || case when reschedule_job.run_at is not null or (reschedule_job.priority is null and reschedule_job.max_attempts is null)
        then jsonb_build_object('run_at', reschedule_job.run_at) else '{}' end,
    false, jsonb_strip_nulls(jsonb_build_object('runAt', reschedule_job.run_at, 'priority', reschedule_job.priority,
      'maxAttempts', reschedule_job.max_attempts)))) > 0
$$;
comment on function :schema.reschedule_job(bigint, timestamptz, integer, integer) is
  'Changes when, before whom and how often a job that is not running is tried; what is left out stays, and with nothing given it is due now. False: there is no such job, or it runs or has ended.';
