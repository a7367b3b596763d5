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
  v_blocked bigint[];
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
      output, log, on_failure, depends_on_names, handler_version, schedule, trace)
    select
      d.id, nextval(':schema.job_ids'), null, null, d.nonce, d.created_at, v_now, null, null, d.started_at, null,
      d.next_attempt_at, d.last_failed_at, v_now, d.last_cancelled_at, v_now, d.cancel_requested_at, null,
      d.lease_until, d.wait_until, d.timeout_ms, null, d.retry_delay, d.retry_delay_max, d.priority,
      case when p_reset then 0 else d.attempts end,
      case when p_reset then d.max_attempts else greatest(d.max_attempts, d.attempts + 1) end, 0, 0, d.new_dropped,
      null, case when d.group_key is null then 'r' else 'g' end::"char", null, d.rich, d.force_kill, d.retry_backoff,
      d.job_type, d.payload, null, d.tags, d.idempotency_key, d.tenant_id, d.group_key, d.group_tier,
      d.dead_letter_job_type, d.failure_reason, null, d.wait_token_id, d.depends_on_job_ids,
      d.depends_on_tags, d.output, d.new_log, d.on_failure, d.depends_on_names, d.handler_version, d.schedule, d.trace
    from d
  )
  select array_agg(d.id), array_agg(d.group_key) filter (where d.group_key is not null), array_agg(d.id) filter (where d.unmet > 0)
    into v_moved, v_groups, v_blocked from d;
  if v_blocked is not null then perform :schema.block_again(v_blocked); end if;

  with o as (
    select j.id, j.lane, j.token, j.worker from :schema.jobs j
    where j.id = any (p_ids) and j.id <> all (coalesce(v_moved, '{}'))
      and ((j.lane in ('t', 'r', 'g', 'p') and j.next_attempt_at is not null) or (j.lane = 'x' and p_running))
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

-- Makes retried jobs that had not been released before they ended wait again: for those of their prerequisites that have not completed.
-- One that has failed is waited for, whatever the policy, unless that is to run all the same: its retry is what can help.
create or replace function :schema.block_again(p_ids bigint[]) returns void language plpgsql as $$
begin
  with j as (
    select x.id, x.depends_on_job_ids, x.on_failure from :schema.jobs x where x.id = any (p_ids)
  ), e as (
    select distinct j.id as job_id, p.id as on_id, j.on_failure from j cross join lateral unnest(j.depends_on_job_ids) p(id)
  ), i as (
    insert into :schema.job_dependencies (on_job_id, job_id, watch)
      select e.on_id, e.job_id, false from e
      where exists (select from :schema.jobs p where p.id = e.on_id)
        or (e.on_failure is distinct from 'r' and exists (select from :schema.failed_jobs p where p.id = e.on_id))
    returning job_id
  ), b as (
    insert into :schema.tag_barriers (job_id, first_tag, tags, tenant_id)
      select x.id, x.depends_on_tags[1], x.depends_on_tags, x.tenant_id from :schema.jobs x
      where x.id = any (p_ids) and x.depends_on_tags is not null
    returning job_id
  ), n as (
    select u.job_id, count(*)::integer as unmet from (select i.job_id from i union all select b.job_id from b) u group by u.job_id
  )
  -- Those with nothing to wait for any more are ready, as the caller has made them.
  update :schema.jobs j set unmet = n.unmet, lane = 'd' from n where j.id = n.job_id;
  -- Nobody's end that was under way could know of these.
  insert into :schema.dependency_wakes (kind, job_id, patient)
    select distinct 'c'::"char", d.job_id, true from :schema.job_dependencies d where d.job_id = any (p_ids);
  insert into :schema.dependency_wakes (kind, job_id)
    select 'b', j.id from :schema.jobs j where j.id = any (p_ids) and j.unmet = 1 and j.depends_on_tags is not null;
end $$;
