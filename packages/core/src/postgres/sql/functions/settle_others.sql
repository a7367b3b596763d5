-- Records every outcome but the plain completion, fenced by (id, token), in one statement.
--   p_settlements  array of {id, token, kind, output?, delay_ms?, error?, reason?, unstarted?}
--     kind completed   with output; `steps` says that it may have some; `children` are jobs to add with it (see add_children)
--          retry       another attempt after delay_ms
--          failed      final; makes the dead-letter job when the job names a type for it
--          snoozed     again after delay_ms, the attempt given back
--          released    ready again in its old place, the attempt given back; unstarted: its handler was never called
--          cancelled   stopped on request
--          waiting     suspended until one of its waits is over (see settle_waiting)
-- Returns {id, token} of each attempt that no longer held its lease; null when there are none.
-- Locks: job rows.
create or replace function :schema.settle_others(p_settlements jsonb, p_keep boolean) returns bigint[]
language plpgsql as $$
declare
  v_now timestamptz := clock_timestamp();
  v_done bigint[] := '{}';
  -- What is to be completed, the tokens it was held under, and its outputs by both.
  v_ids bigint[];
  v_held bigint[];
  v_outputs jsonb;
  -- Completions that left no history, and the tokens they were held under.
  v_gone bigint[];
  v_under bigint[];
  v_tokens bigint[];
  v_part bigint[];
  v_groups text[];
  v_lost bigint[];
begin
  if p_settlements @? '$[*] ? (@.kind == "completed")' then
    select array_agg((s.value ->> 'id')::bigint), array_agg((s.value ->> 'token')::bigint),
        jsonb_object_agg((s.value ->> 'id') || ':' || (s.value ->> 'token'), s.value -> 'output') filter (where s.value ? 'output')
      into v_ids, v_held, v_outputs
      from jsonb_array_elements(p_settlements) s where s.value ->> 'kind' = 'completed';
    -- Not a join, for the reasons that settle_completed has.
    with d as (
      delete from :schema.jobs j
      where j.id = any (v_ids) and j.lane = 'x' and ((j.id, j.token) in (select * from unnest(v_ids, v_held))) is true returning j.*
    ), f as (
      insert into :schema.finished_jobs (
        id, ready_seq, token, worker, nonce, created_at, run_at, claimed_at, started_at, finished_at, last_failed_at,
        last_retried_at, changed_at, timeout_ms, retry_delay, retry_delay_max, priority, attempts, max_attempts,
        crashes, unmet, log_dropped, progress, lane, rich, force_kill, retry_backoff, job_type, payload, locked_by,
        tags, idempotency_key, tenant_id, group_key, group_tier, dead_letter_job_type, depends_on_job_ids,
        depends_on_tags, output, log, handler_version, schedule)
      select
        d.id, d.ready_seq, d.token, d.worker, d.nonce, d.created_at, d.run_at, d.claimed_at, d.started_at, v_now,
        d.last_failed_at, d.last_retried_at, d.changed_at, d.timeout_ms, d.retry_delay, d.retry_delay_max,
        d.priority, d.attempts, d.max_attempts, d.crashes, d.unmet, d.log_dropped, d.progress, d.lane, d.rich,
        d.force_kill, d.retry_backoff, d.job_type, d.payload, d.locked_by, d.tags, d.idempotency_key, d.tenant_id,
        d.group_key, d.group_tier, d.dead_letter_job_type, d.depends_on_job_ids, d.depends_on_tags,
        coalesce(v_outputs -> (d.id || ':' || d.token), d.output), d.log, d.handler_version, d.schedule
      from d where p_keep
    ), k as (
      delete from :schema.job_keys k using d where not p_keep
        and d.idempotency_key is not null and k.job_id = d.id and (k.taken_until is null or k.taken_until <= v_now)
    )
    select array_agg(d.id), array_agg(d.group_key) filter (where d.group_key is not null),
        array_agg(d.id) filter (where not p_keep), array_agg(d.token) filter (where not p_keep), array_agg(d.token)
      into v_part, v_groups, v_gone, v_under, v_tokens from d;
    v_done := v_done || coalesce(v_part, '{}');
    if v_groups is not null then perform :schema.leave_groups(v_groups); end if;
    if v_part is not null and (exists (select from :schema.job_dependencies) or :schema.has_old_snapshot()) then
      perform :schema.tell_ended(v_part, 'k', v_now);
    end if;
    if v_part is not null and p_settlements @? '$[*].children' then
      perform :schema.add_children(p_settlements, v_part, v_tokens, p_keep);
    end if;
    if not p_keep and p_settlements @? '$[*] ? (@.steps == true)' then perform :schema.forget_steps(v_part);
    elsif not p_keep and exists (select from :schema.job_signals) then
      delete from :schema.job_signals s where s.job_id = any (v_part);
    end if;
  end if;

  if p_settlements @? '$[*] ? (@.kind == "waiting")' then
    v_done := v_done || :schema.settle_waiting(p_settlements, v_now);
  end if;

  if p_settlements @? '$[*] ? (@.kind == "retry" || @.kind == "snoozed")' then
    -- Somebody who asked to cancel a running job is obeyed here: what would have been retried ends as cancelled below. So does a retry
    -- of a last attempt end, as failed: nothing runs more often than it may.
    with s as (
      select s.*, s.kind = 'retry' as failed, v_now + s.delay_ms * interval '1 millisecond' as again_at
      from jsonb_to_recordset(p_settlements)
        as s(id bigint, token bigint, kind text, delay_ms double precision, error jsonb, reason text)
      where s.kind in ('retry', 'snoozed')
    ), u as (
      update :schema.jobs j set
        lane = 't', due_at = s.again_at, worker = null, lease_until = null,
        holds_place = nullif(:schema.keeps_place(j.group_key, j.group_tier), false),
        run_at = case when s.failed then j.run_at else s.again_at end,
        next_attempt_at = case when s.failed then s.again_at end,
        last_failed_at = case when s.failed then v_now else j.last_failed_at end,
        failure_reason = case when s.failed then s.reason else j.failure_reason end,
        attempts = case when s.failed then j.attempts else j.attempts - 1 end,
        crashes = case when s.failed then 0 else j.crashes end,
        log = :schema.log_attempt(j, case when s.failed then 'failed' else 'snoozed' end, v_now, s.error, s.reason),
        log_dropped = :schema.log_dropped(j)
      from s where j.id = s.id and j.token = s.token and j.lane = 'x' and j.cancel_requested_at is null
        and (j.attempts < j.max_attempts or not s.failed)
      returning j.id, case when j.holds_place then null else j.group_key end as group_key
    )
    select array_agg(u.id), array_agg(u.group_key) filter (where u.group_key is not null) into v_part, v_groups from u;
    v_done := v_done || coalesce(v_part, '{}');
    if v_groups is not null then perform :schema.leave_groups(v_groups); end if;
  end if;

  if p_settlements @? '$[*] ? (@.kind == "released")' then
    -- A grouped job keeps the place in its group that it holds.
    with s as (
      select s.id, s.token, s.unstarted, not exists (select from :schema.job_steps k where k.job_id = s.id) as is_new
      from jsonb_to_recordset(p_settlements) as s(id bigint, token bigint, kind text, unstarted boolean)
      where s.kind = 'released'
    ), u as (
      update :schema.jobs j set
        lane = 'r', worker = null, lease_until = null, attempts = j.attempts - 1,
        started_at = case when j.attempts = 1 and s.is_new then null else j.started_at end,
        -- Fetched ahead and never begun: whoever claims it next begins it under a version of its own.
        handler_version = case when j.attempts = 1 and s.is_new and s.unstarted then null else j.handler_version end,
        log = case when j.claimed_at > v_now - interval '200 milliseconds' then j.log
              else :schema.log_attempt(j, 'released', v_now, null, null) end,
        log_dropped = :schema.log_dropped(j)
      from s where j.id = s.id and j.token = s.token and j.lane = 'x' and j.cancel_requested_at is null
      returning j.id
    )
    select array_agg(u.id) into v_part from u;
    v_done := v_done || coalesce(v_part, '{}');
  end if;

  if p_settlements @? '$[*] ? (@.kind != "completed")' then
    v_done := v_done || :schema.end_jobs((
      select jsonb_agg(jsonb_build_object('id', s.value -> 'id', 'token', s.value -> 'token', 'error', s.value -> 'error',
        'reason', s.value -> 'reason', 'status', case s.value ->> 'kind' when 'failed' then 'f' when 'retry' then 'r' else 'c' end))
      from jsonb_array_elements(p_settlements) s
      where s.value ->> 'kind' <> 'completed' and (s.value ->> 'id')::bigint <> all (v_done)
    ), v_now);
  end if;

  if cardinality(v_done) = jsonb_array_length(p_settlements) then return null; end if;
  -- Not by id alone: a batch may hold a job under two tokens, one of them stale.
  select array_agg(array[s.id, s.token]) into v_lost from jsonb_to_recordset(p_settlements) as s(id bigint, token bigint, kind text)
    where not :schema.was_settled(s.id, s.token, s.kind) and not (s.kind = 'completed'
      and exists (select from unnest(v_gone, v_under) g(id, token) where g.id = s.id and g.token = s.token));
  return v_lost;
end $$;

-- Whether this attempt was settled in this way before, by a call whose reply was lost. What a rescue or a retry recorded of it is
-- no settlement of its own: such an attempt is lost. A release right after the claim leaves no trace but the token.
create or replace function :schema.was_settled(p_id bigint, p_token bigint, p_kind text) returns boolean language sql stable as $$
  select case
    when p_kind = 'completed' then exists (select from :schema.finished_jobs f where f.id = p_id and f.token = p_token)
    else exists (
        select from (
          select j.log from :schema.jobs j where j.id = p_id
          union all select f.log from :schema.failed_jobs f where f.id = p_id
          union all select f.log from :schema.finished_jobs f where f.id = p_id
        ) x cross join lateral jsonb_array_elements(x.log) e
        where (e.value ->> 'token')::bigint = p_token and e.value ->> 'reason' is distinct from 'worker_lost'
          -- What somebody had cancelled ended as cancelled, whatever its handler asked for.
          and (e.value ->> 'outcome' = case p_kind when 'retry' then 'failed' else p_kind end
            or (e.value ->> 'outcome' = 'cancelled' and p_kind <> 'failed')))
      or (p_kind = 'released' and exists (select from :schema.jobs j where j.id = p_id and j.token = p_token and j.lane = 'r'))
  end
$$;
