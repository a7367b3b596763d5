-- Makes jobs pending again under the same id.
--   p_ids    jobs that failed for good, were cancelled, are between two attempts (also due again), or (with p_running) are executing
--   p_reset  count attempts from 0 again; else a job whose attempts are used up gets one more
-- An executing job's lease is revoked: its worker is told, and nothing it does afterwards has an effect.
-- Returns the ids changed.
-- Locks: job rows.
create or replace function :schema.retry_jobs(p_ids bigint[], p_reset boolean default false, p_running boolean default true)
returns bigint[] language plpgsql as $$
declare
  v_now timestamptz := clock_timestamp();
  v_moved bigint[];
  v_changed bigint[];
  v_groups text[];
begin
  with d as (
    delete from :schema.failed_jobs j where j.id = any (p_ids)
    returning j.*, :schema.log_note(j, 'retried', v_now, null) as new_log, :schema.log_dropped(j) as new_dropped
  ), i as (
    insert into :schema.jobs (
      id, ready_seq, token, worker, nonce, created_at, run_at, due_at, claimed_at, started_at, finished_at,
      next_attempt_at, last_failed_at, last_retried_at, last_cancelled_at, changed_at, cancel_requested_at,
      dead_lettered_at, lease_until, wait_until, timeout_ms, dead_letter_job_id, retry_delay, retry_delay_max,
      priority, attempts, max_attempts, crashes, unmet, log_dropped, progress, lane, status, rich, force_kill,
      retry_backoff, job_type, payload, locked_by, tags, idempotency_key, tenant_id, group_key, group_tier,
      dead_letter_job_type, failure_reason, pending_reason, wait_token_id, depends_on_job_ids, depends_on_tags,
      output, log, handler_version, schedule)
    select
      d.id, nextval(':schema.job_ids'), null, null, d.nonce, d.created_at, v_now, null, null, d.started_at, null,
      d.next_attempt_at, d.last_failed_at, v_now, d.last_cancelled_at, v_now, d.cancel_requested_at, null,
      d.lease_until, d.wait_until, d.timeout_ms, null, d.retry_delay, d.retry_delay_max, d.priority,
      case when p_reset then 0 else d.attempts end,
      case when p_reset then d.max_attempts else greatest(d.max_attempts, d.attempts + 1) end, 0, 0, d.new_dropped,
      null, case when d.group_key is null then 'r' else 'g' end::"char", null, d.rich, d.force_kill, d.retry_backoff,
      d.job_type, d.payload, null, d.tags, d.idempotency_key, d.tenant_id, d.group_key, d.group_tier,
      d.dead_letter_job_type, d.failure_reason, d.pending_reason, d.wait_token_id, d.depends_on_job_ids,
      d.depends_on_tags, d.output, d.new_log, d.handler_version, d.schedule
    from d
  )
  select array_agg(d.id), array_agg(d.group_key) filter (where d.group_key is not null) into v_moved, v_groups from d;

  with o as (
    select j.id, j.lane, j.token, j.worker from :schema.jobs j
    where j.id = any (p_ids) and j.id <> all (coalesce(v_moved, '{}'))
      and ((j.lane in ('t', 'r', 'g') and j.next_attempt_at is not null) or (j.lane = 'x' and p_running))
    for update
  ), r as (
    insert into :schema.cancel_requests (job_id, token, worker, lost)
      select o.id, o.token, o.worker, true from o where o.lane = 'x' and o.worker is not null
      on conflict (job_id, token) do update set lost = true
  ), u as (
    update :schema.jobs j set
      -- A revoked attempt keeps the place in its group for its successor.
      lane = case when j.group_key is null or o.lane in ('x', 'r') or j.holds_place then 'r' else 'g' end::"char", token = null,
      holds_place = null,
      ready_seq = nextval(':schema.job_ids'), due_at = null, next_attempt_at = null, run_at = v_now, last_retried_at = v_now,
      changed_at = v_now, worker = null, lease_until = null, cancel_requested_at = null,
      attempts = case when p_reset then 0 else j.attempts end,
      max_attempts = case when p_reset then j.max_attempts else greatest(j.max_attempts, j.attempts + 1) end,
      log = case when o.lane = 'x' then :schema.log_attempt(j, 'revoked', v_now, null, null) else :schema.log_note(j, 'retried', v_now, null) end,
      log_dropped = :schema.log_dropped(j)
    from o where j.id = o.id
    returning j.id, j.group_key, j.lane
  )
  select array_agg(u.id), array_agg(u.group_key) filter (where u.group_key is not null and u.lane = 'g') || v_groups
    into v_changed, v_groups from u;
  if v_groups is not null then
    insert into :schema.group_wakes (group_key) select distinct g from unnest(v_groups) g;
  end if;
  perform pg_notify(':channel', 'r') where coalesce(cardinality(v_moved), 0) + coalesce(cardinality(v_changed), 0) > 0;
  return coalesce(v_moved, '{}') || coalesce(v_changed, '{}');
end $$;
