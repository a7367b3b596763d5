-- Ends live jobs for good, and tells those that depend on them.
--   p_ends  array of {id, token?, status, error?, reason?}; status f: failed, c: cancelled, r: cancelled if that was asked for, else
--           failed; with a token only an attempt that holds its lease under
--           it ends, without one only a job that is not executing
-- Returns the ids that ended, without dependents that were cancelled in turn.
-- Locks: job rows; see dependencies.sql.
create or replace function :schema.end_jobs(p_ends jsonb, p_now timestamptz) returns bigint[]
language plpgsql as $$
declare
  v_done bigint[];
begin
  if p_ends is null then return '{}'; end if;
  v_done := :schema.end_rows(p_ends, p_now);
  if cardinality(v_done) > 0
      and (exists (select from :schema.job_dependencies) or exists (select from :schema.tag_barriers) or :schema.has_old_snapshot()) then
    perform :schema.tell_ended(v_done, 'f', p_now);
  end if;
  return v_done;
end $$;

-- The jobs alone: they leave `jobs` for `failed_jobs`, and the dead-letter job is made in the same statement. An end with a `root` is
-- that of a dependent: the job whose end began it.
create or replace function :schema.end_rows(p_ends jsonb, p_now timestamptz) returns bigint[]
language plpgsql as $$
declare
  v_done bigint[];
  v_blocked bigint[];
  v_groups text[];
begin
  with s as (
    select s.id as end_id, s.token as end_token, s.status as asked, s.error, s.reason, s.root
    from jsonb_to_recordset(p_ends) as s(id bigint, token bigint, status "char", error jsonb, reason text, root bigint)
  ), d as (
    delete from :schema.jobs j using s
    where j.id = s.end_id and (case when s.end_token is null then j.lane <> 'x' else j.token = s.end_token and j.lane = 'x' end)
    returning j.*, s.error, s.reason, s.root,
      case when s.asked = 'f' or (s.asked = 'r' and j.cancel_requested_at is null) then 'f' else 'c' end::"char" as new_status,
      case when j.lane = 'x'
        then :schema.log_attempt(j, case when s.asked = 'f' or (s.asked = 'r' and j.cancel_requested_at is null) then 'failed'
          else 'cancelled' end, p_now, s.error, s.reason)
        else :schema.log_note(j, 'cancelled', p_now,
          case when s.root is not null then jsonb_build_object('rootJobId', s.root, 'dependencyCascade', true) end) end as new_log,
      :schema.log_dropped(j) as new_dropped
  ), e as materialized (
    select d.*, case when d.new_status = 'f' and d.dead_letter_job_type is not null then nextval(':schema.job_ids') end as letter_id from d
  ), f as (
    insert into :schema.failed_jobs (
      id, ready_seq, token, worker, nonce, created_at, run_at, due_at, claimed_at, started_at, finished_at,
      next_attempt_at, last_failed_at, last_retried_at, last_cancelled_at, changed_at, cancel_requested_at,
      dead_lettered_at, lease_until, wait_until, timeout_ms, dead_letter_job_id, retry_delay, retry_delay_max,
      priority, attempts, max_attempts, crashes, unmet, log_dropped, progress, lane, status, rich, force_kill,
      retry_backoff, job_type, payload, locked_by, tags, idempotency_key, tenant_id, group_key, group_tier,
      dead_letter_job_type, failure_reason, pending_reason, wait_token_id, depends_on_job_ids, depends_on_tags,
      output, log, on_failure, depends_on_names, handler_version, schedule, trace)
    select
      e.id, e.ready_seq, e.token, null, e.nonce, e.created_at, e.run_at, null, e.claimed_at, e.started_at, p_now,
      null, case when e.new_status = 'f' then p_now else e.last_failed_at end, e.last_retried_at,
      case when e.new_status = 'c' then p_now else e.last_cancelled_at end, e.changed_at, null,
      case when e.letter_id is not null then p_now end, null, null, e.timeout_ms, e.letter_id, e.retry_delay,
      e.retry_delay_max, e.priority, e.attempts, e.max_attempts, e.crashes, e.unmet, e.new_dropped, e.progress,
      e.lane, e.new_status, e.rich, e.force_kill, e.retry_backoff, e.job_type, e.payload, e.locked_by, e.tags,
      e.idempotency_key, e.tenant_id, e.group_key, e.group_tier, e.dead_letter_job_type,
      case when e.new_status = 'f' then e.reason else e.failure_reason end,
      case when e.root is not null then format('{"rootJobId":%s,"dependencyCascade":true}', e.root) end, null,
      e.depends_on_job_ids, e.depends_on_tags, e.output, e.new_log, e.on_failure, e.depends_on_names,
      e.handler_version, e.schedule, e.trace
    from e
  ), l as (
    insert into :schema.jobs (
      id, ready_seq, created_at, run_at, priority, attempts, max_attempts, crashes, unmet, log_dropped, lane, rich, force_kill,
      job_type, payload, tags, tenant_id, trace)
    select e.letter_id, e.letter_id, p_now, p_now, 0, 0, 1, 0, 0, 0, 'r', e.rich, false, e.dead_letter_job_type,
      x.envelope, e.tags, e.tenant_id, e.trace
    from e cross join lateral (select jsonb_build_object(
      'originalJob', jsonb_build_object('id', e.id, 'jobType', e.job_type, 'attempts', e.attempts, 'maxAttempts', e.max_attempts),
      'originalPayload', e.payload,
      'failure', jsonb_build_object('message', e.error ->> 'message', 'reason', e.reason, 'failedAt', p_now)) as envelope) x
    where e.letter_id is not null
  ), r as (
    delete from :schema.cancel_requests c using e where c.job_id = e.id
  )
  -- A job that was ready or executing, or at the head of its queue, held a place in its group.
  select array_agg(e.id), array_agg(e.group_key) filter (where e.group_key is not null and (e.lane in ('r', 'x') or e.holds_place)),
      array_agg(e.id) filter (where e.unmet > 0)
    into v_done, v_groups, v_blocked from e;
  if v_blocked is not null then
    delete from :schema.job_dependencies d where d.job_id = any (v_blocked);
    delete from :schema.tag_barriers b where b.job_id = any (v_blocked);
  end if;
  if v_groups is not null then perform :schema.leave_groups(v_groups); end if;
  return coalesce(v_done, '{}');
end $$;
