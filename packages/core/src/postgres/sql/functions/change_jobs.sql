-- Cancels jobs. Those that are not executing end at once; an executing one (unless p_upcoming) is asked to stop, and ends as
-- cancelled when its handler stops, is retried or is lost.
-- Returns {changed: [id], requested: [id], cascaded?: [id]}: of the last, those that were cancelled because they depend on them.
-- Locks: job rows.
create or replace function :schema.cancel_jobs(p_ids bigint[], p_upcoming boolean) returns jsonb language plpgsql as $$
declare
  v_now timestamptz := clock_timestamp();
  v_ends jsonb;
  v_changed bigint[];
  v_requested bigint[];
begin
  select jsonb_agg(jsonb_build_object('id', j.id, 'status', 'c')) into v_ends from (
    select j.id from :schema.jobs j where j.id = any (p_ids) and j.lane <> 'x'
      and (not p_upcoming or (j.next_attempt_at is null and j.wait_until is null and j.wait_token_id is null))
    order by j.id for update
  ) j;
  v_changed := :schema.end_jobs(v_ends, v_now);
  if not p_upcoming then
    with u as (
      update :schema.jobs j set cancel_requested_at = v_now, log = :schema.log_note(j, 'cancel_requested', v_now, null),
        log_dropped = :schema.log_dropped(j)
      where j.id = any (p_ids) and j.lane = 'x' and j.cancel_requested_at is null
      returning j.id, j.token, j.worker
    ), c as (
      insert into :schema.cancel_requests (job_id, token, worker, lost) select u.id, u.token, u.worker, false from u
        where u.worker is not null on conflict do nothing
    )
    select array_agg(u.id) into v_requested from u;
    perform pg_notify(':channel', 'c' || i.id) from unnest(v_requested) i(id);
    -- Asked before: still the same answer.
    select array_agg(j.id) into v_requested from :schema.jobs j
      where j.id = any (p_ids) and j.lane = 'x' and j.cancel_requested_at is not null;
  end if;
  return jsonb_build_object('changed', coalesce(to_jsonb(v_changed), '[]'), 'requested', coalesce(to_jsonb(v_requested), '[]'),
    'cascaded', :schema.cascaded());
end $$;

-- Changes jobs that have not started, or are between two attempts (not with p_pending).
--   p_changes  {payload?, rich?, max_attempts?, priority?, run_at?, timeout_ms?, tags?, retry_delay?, retry_backoff?,
--              retry_delay_max?, dead_letter_job_type?}; an absent field stays, a null one is cleared (run_at: now)
-- Returns the ids changed.
-- Locks: job rows.
create or replace function :schema.edit_jobs(p_ids bigint[], p_changes jsonb, p_pending boolean, p_note jsonb) returns bigint[]
language plpgsql as $$
declare
  v_now timestamptz := clock_timestamp();
  c record;
  v_run_at timestamptz;
  v_changed bigint[];
  v_left text[];
  v_wake text[];
begin
  select * into c from jsonb_to_record(p_changes) as c(payload jsonb, rich boolean, max_attempts integer, priority integer,
    run_at timestamptz, timeout_ms bigint, tags text[], retry_delay double precision, retry_backoff boolean,
    retry_delay_max double precision, dead_letter_job_type text);
  v_run_at := coalesce(c.run_at, v_now);
  with o as (
    select j.id, j.lane, j.holds_place, case
        when not p_changes ? 'run_at' then j.lane
        when j.lane in ('d', 'w') then j.lane
        when v_run_at > v_now then 't'
        -- Only its tag barrier is left.
        when j.unmet > 0 then 'd'
        when j.group_key is null or j.lane = 'r' or j.holds_place then 'r'
        else 'g' end::"char" as new_lane
    from :schema.jobs j
    where j.id = any (p_ids) and j.lane <> 'x' and j.wait_until is null and j.wait_token_id is null
      and not (p_pending and j.next_attempt_at is not null)
    order by j.id for update
  ), u as (
    update :schema.jobs j set
      lane = o.new_lane,
      -- A job that changes its level or becomes ready takes a new place, where claims under way will look.
      ready_seq = case when o.new_lane <> o.lane or (p_changes ? 'priority' and c.priority <> j.priority)
        then nextval(':schema.job_ids') else j.ready_seq end,
      due_at = case when not p_changes ? 'run_at' then j.due_at when o.new_lane = 't' then v_run_at end,
      holds_place = case when o.new_lane = o.lane then j.holds_place end,
      run_at = case when p_changes ? 'run_at' then v_run_at else j.run_at end,
      next_attempt_at = case when p_changes ? 'run_at' and j.next_attempt_at is not null then v_run_at else j.next_attempt_at end,
      payload = case when p_changes ? 'payload' then p_changes -> 'payload' else j.payload end,
      rich = case when p_changes ? 'payload' then coalesce(c.rich, false) else j.rich end,
      max_attempts = case when p_changes ? 'max_attempts' then greatest(c.max_attempts, j.attempts + 1) else j.max_attempts end,
      priority = case when p_changes ? 'priority' then c.priority else j.priority end,
      timeout_ms = case when p_changes ? 'timeout_ms' then c.timeout_ms else j.timeout_ms end,
      tags = case when p_changes ? 'tags' then c.tags else j.tags end,
      retry_delay = case when p_changes ? 'retry_delay' then c.retry_delay else j.retry_delay end,
      retry_backoff = case when p_changes ? 'retry_backoff' then c.retry_backoff else j.retry_backoff end,
      retry_delay_max = case when p_changes ? 'retry_delay_max' then c.retry_delay_max else j.retry_delay_max end,
      dead_letter_job_type = case when p_changes ? 'dead_letter_job_type' then c.dead_letter_job_type else j.dead_letter_job_type end,
      changed_at = v_now, log = :schema.log_note(j, 'edited', v_now, p_note), log_dropped = :schema.log_dropped(j)
    from o where j.id = o.id
    returning j.id, j.group_key, o.lane as old_lane, j.lane as new_lane, o.holds_place as held_place
  )
  select array_agg(u.id), array_agg(u.group_key) filter (where u.group_key is not null and (u.old_lane = 'r' or (u.old_lane = 'p' and u.held_place))
        and u.new_lane <> 'r' and u.new_lane <> u.old_lane),
      -- Also what waited before: while its row was locked here, a free place of the group passed it by.
      array_agg(distinct u.group_key) filter (where u.group_key is not null and u.new_lane = 'g')
    into v_changed, v_left, v_wake from u;
  if v_left is not null then perform :schema.leave_groups(v_left); end if;
  if v_wake is not null then
    insert into :schema.group_wakes (group_key) select g from unnest(v_wake) g;
  end if;
  if (p_changes ? 'tags' or p_changes ? 'run_at') and exists (select from :schema.tag_barriers) then
    -- Barriers that a job no longer closes, and those that are due now or later.
    insert into :schema.dependency_wakes (kind, job_id)
      select 'b', d.job_id from :schema.job_dependencies d where d.on_job_id = any (v_changed) and d.watch
      union select 'b', b.job_id from :schema.tag_barriers b where b.job_id = any (v_changed);
  end if;
  perform pg_notify(':channel', 'r') where v_changed is not null
    and (p_changes ? 'run_at' or p_changes ? 'priority' or p_changes ? 'tags');
  return coalesce(v_changed, '{}');
end $$;
