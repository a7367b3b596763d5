-- Settlements by SQL: those of settle_completed and settle_others for one attempt, fenced by (job_id, token). Each answers whether the
-- attempt was recorded; a call repeated because its reply was lost answers true again.
-- Locks: the claim's row, then the job's, as a rescue takes them.

create or replace function :schema.settle_sql(p_settlement jsonb, p_keep boolean default true) returns boolean language plpgsql as $$
declare
  v_id bigint := (p_settlement ->> 'id')::bigint;
  v_token bigint := (p_settlement ->> 'token')::bigint;
begin
  if v_id is null or v_token is null then
    raise exception '`%` must not be null', case when v_id is null then 'job_id' else 'token' end using errcode = '22004',
      hint = 'Both come from get_jobs.';
  end if;
  delete from :schema.sql_leases l where l.job_id = v_id and l.token = v_token;
  return :schema.settle_others(jsonb_build_array(p_settlement), p_keep) is null;
end $$;

create or replace function :schema.complete_job(job_id bigint, token bigint, output jsonb default null, keep boolean default true)
returns boolean language plpgsql
-- See claim_for_sql.
set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan as $$
begin
  -- Without history everything goes that an earlier attempt may have left, whoever made it.
  if output is not null or not keep or job_id is null or token is null then
    return :schema.settle_sql(jsonb_build_object('id', job_id, 'token', token, 'kind', 'completed', 'steps', not keep)
      || case when output is null then '{}' else jsonb_build_object('output', output) end, keep);
  end if;
  delete from :schema.sql_leases l where l.job_id = complete_job.job_id and l.token = complete_job.token;
  return :schema.settle_completed(array[job_id], array[token], true) is null;
end $$;
comment on function :schema.complete_job(bigint, bigint, jsonb, boolean) is
  'Records that a claimed job is done, with an output if there is one. False: the claim had been lost, and nothing was recorded. `keep` false leaves no history.';

create or replace function :schema.fail_job(
  job_id bigint, token bigint, error text default null, retry_in interval default null, final boolean default false,
  details jsonb default null
) returns boolean language plpgsql as $$
declare
  v_job record;
  v_error jsonb;
  v_delay double precision;
begin
  select j.attempts, j.max_attempts, j.retry_delay, j.retry_backoff, j.retry_delay_max, j.locked_by into v_job
    from :schema.jobs j where j.id = fail_job.job_id and j.token = fail_job.token and j.lane = 'x';
  v_error := jsonb_strip_nulls(coalesce(details, '{}') || jsonb_build_object(
    'name', coalesce(details ->> 'name', 'Error'), 'message', coalesce(error, 'The worker gave no message.'), 'reason', 'handler_error',
    'attempt', v_job.attempts, 'workerId', v_job.locked_by, 'timestamp', clock_timestamp()));
  v_delay := case when retry_in is not null then greatest(extract(epoch from retry_in) * 1000, 0)
    else :schema.backoff_ms(v_job.attempts, v_job.retry_delay, v_job.retry_backoff, v_job.retry_delay_max) end;
  return :schema.settle_sql(jsonb_build_object('id', job_id, 'token', token, 'error', v_error, 'reason', 'handler_error',
    'kind', case when final or v_job.attempts >= v_job.max_attempts then 'failed' else 'retry' end, 'delay_ms', coalesce(v_delay, 0)));
end $$;
comment on function :schema.fail_job(bigint, bigint, text, interval, boolean, jsonb) is
  'Records that an attempt failed. The job is tried again after its backoff, or `retry_in`; with `final`, or when its attempts are used up, it ends as failed. `details` may add code, stack or cause to the stored error. False: the claim had been lost.';

create or replace function :schema.release_job(job_id bigint, token bigint) returns boolean language sql volatile as $$
  select :schema.settle_sql(jsonb_build_object('id', release_job.job_id, 'token', release_job.token, 'kind', 'released'))
$$;
comment on function :schema.release_job(bigint, bigint) is
  'Hands a claimed job back unstarted, as at a shutdown: it is ready again in its old place, the attempt not used up. False: the claim had been lost.';

create or replace function :schema.snooze_job(job_id bigint, token bigint, again_in interval) returns boolean language sql volatile as $$
  select :schema.settle_sql(jsonb_build_object('id', snooze_job.job_id, 'token', snooze_job.token, 'kind', 'snoozed',
    'delay_ms', greatest(extract(epoch from snooze_job.again_in) * 1000, 0)))
$$;
comment on function :schema.snooze_job(bigint, bigint, interval) is
  'Puts a claimed job off, the attempt not used up. False: the claim had been lost.';
