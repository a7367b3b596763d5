-- Records completions that bring no output of their own: each job leaves `jobs` for `finished_jobs` in this statement.
--   p_ids, p_tokens  the attempts, paired by position
--   p_keep           whether history is kept
-- Returns {id, token} of each attempt that no longer held its lease; null when there are none. An attempt that was settled
-- before, by a call whose reply was lost, does not count as lost.
-- Locks: job rows; see dependencies.sql.
-- Rows are found by an array probe of the primary key, and `is true` keeps the pairs a hashed filter. As a join, planned while the table was
-- empty and kept, it walked all live jobs for each call once there were many; and it reads a third less as it is.
create or replace function :schema.settle_completed(p_ids bigint[], p_tokens bigint[], p_keep boolean) returns bigint[]
language plpgsql as $$
declare
  v_now timestamptz := clock_timestamp();
  v_done bigint[];
  -- Under which token each of them was held; of one claim's jobs it is the same.
  v_under bigint[] := p_tokens;
  v_groups text[];
  v_lost bigint[];
  v_copied integer;
  v_keyed bigint[];
begin
  if not p_keep then
    if p_tokens[1] = all (p_tokens) then
      with d as (
        delete from :schema.jobs j where j.id = any (p_ids) and j.token = p_tokens[1] and j.lane = 'x'
        returning j.id, j.group_key, j.idempotency_key
      )
      select array_agg(d.id), array_agg(d.group_key) filter (where d.group_key is not null),
          array_agg(d.id) filter (where d.idempotency_key is not null)
        into v_done, v_groups, v_keyed from d;
    else
      with d as (
        delete from :schema.jobs j
        where j.id = any (p_ids) and j.lane = 'x' and ((j.id, j.token) in (select * from unnest(p_ids, p_tokens))) is true
        returning j.id, j.token, j.group_key, j.idempotency_key
      )
      select array_agg(d.id), array_agg(d.token), array_agg(d.group_key) filter (where d.group_key is not null),
          array_agg(d.id) filter (where d.idempotency_key is not null)
        into v_done, v_under, v_groups, v_keyed from d;
    end if;
    if v_keyed is not null then
      delete from :schema.job_keys k where k.job_id = any (v_keyed) and (k.taken_until is null or k.taken_until <= v_now);
    end if;
    -- What somebody sent, and its handler never came to await.
    if exists (select from :schema.job_signals) then delete from :schema.job_signals s where s.job_id = any (v_done); end if;
  elsif p_tokens[1] = all (p_tokens) then
    -- The usual case, one claim's jobs together. An array probe of the primary key is a plan that nothing can turn into a scan, and
    -- copying first spares the rows a detour through a common table expression (measured: 0.6 of 6 us a job).
    insert into :schema.finished_jobs (
        id, ready_seq, token, worker, nonce, created_at, run_at, claimed_at, started_at, finished_at, last_failed_at,
        last_retried_at, changed_at, timeout_ms, retry_delay, retry_delay_max, priority, attempts, max_attempts,
        crashes, unmet, log_dropped, progress, lane, rich, force_kill, retry_backoff, job_type, payload, locked_by,
        tags, idempotency_key, tenant_id, group_key, group_tier, dead_letter_job_type, depends_on_job_ids,
        depends_on_tags, output, log, handler_version, schedule)
      select
        j.id, j.ready_seq, j.token, j.worker, j.nonce, j.created_at, j.run_at, j.claimed_at, j.started_at, v_now,
        j.last_failed_at, j.last_retried_at, j.changed_at, j.timeout_ms, j.retry_delay, j.retry_delay_max,
        j.priority, j.attempts, j.max_attempts, j.crashes, j.unmet, j.log_dropped, j.progress, j.lane, j.rich,
        j.force_kill, j.retry_backoff, j.job_type, j.payload, j.locked_by, j.tags, j.idempotency_key, j.tenant_id,
        j.group_key, j.group_tier, j.dead_letter_job_type, j.depends_on_job_ids, j.depends_on_tags, j.output, j.log,
        j.handler_version, j.schedule
      from :schema.jobs j where j.id = any (p_ids) and j.token = p_tokens[1] and j.lane = 'x';
    get diagnostics v_copied = row_count;
    with d as (
      delete from :schema.jobs j where j.id = any (p_ids) and j.token = p_tokens[1] and j.lane = 'x' returning j.id, j.group_key
    )
    select array_agg(d.id), array_agg(d.group_key) filter (where d.group_key is not null) into v_done, v_groups from d;
    if coalesce(cardinality(v_done), 0) <> v_copied then
      -- A retry or a rescue took some of them between the two statements: their copies must not stay.
      delete from :schema.finished_jobs f
        where f.id = any (p_ids) and f.token = p_tokens[1] and f.finished_at = v_now and f.id <> all (coalesce(v_done, '{}'));
    end if;
  else
    with d as (
      delete from :schema.jobs j
      where j.id = any (p_ids) and j.lane = 'x' and ((j.id, j.token) in (select * from unnest(p_ids, p_tokens))) is true returning j.*
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
        d.group_key, d.group_tier, d.dead_letter_job_type, d.depends_on_job_ids, d.depends_on_tags, d.output, d.log,
        d.handler_version, d.schedule
      from d
    )
    select array_agg(d.id), array_agg(d.token), array_agg(d.group_key) filter (where d.group_key is not null)
      into v_done, v_under, v_groups from d;
  end if;

  if v_groups is not null then perform :schema.leave_groups(v_groups); end if;
  if v_done is not null and (exists (select from :schema.job_dependencies) or :schema.has_old_snapshot()) then
    perform :schema.tell_ended(v_done, 'k', v_now);
  end if;
  if coalesce(cardinality(v_done), 0) = cardinality(p_ids) then return null; end if;
  select array_agg(array[s.id, s.token]) into v_lost from unnest(p_ids, p_tokens) s(id, token)
    where not exists (select from unnest(v_done, v_under) d(id, token) where d.id = s.id and d.token = s.token)
      and not exists (select from :schema.finished_jobs f where f.id = s.id and f.token = s.token);
  return v_lost;
end $$;
