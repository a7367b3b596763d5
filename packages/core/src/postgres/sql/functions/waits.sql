-- A wait is a pending row of job_steps. It is stored when the handler comes to it, by the database's clock; the attempt then ends in a
-- settlement of kind `waiting`, and the handler is called again from the top once any of its waits is over.

-- Stores a wait of a running attempt, unless it is there already, and ends it if it is over at once.
--   p_wait  {key, kind, attempt, delay_ms?, until?, awaited?, filter?}
-- Returns {status, kind, awaited, timed_out, rich, result}; null if the attempt no longer held its lease; {"unknown": true} if there is no
-- such token.
-- Locks: the job's row.
create or replace function :schema.open_wait(p_id bigint, p_token bigint, p_wait jsonb) returns jsonb language plpgsql as $$
declare
  v_now timestamptz := clock_timestamp();
  v_kind "char" := p_wait ->> 'kind';
begin
  if not :schema.hold_lease(p_id, p_token) then return null; end if;
  if v_kind = 'w' and not exists (select from :schema.tokens t where t.id = p_wait ->> 'awaited') then
    return '{"unknown": true}';
  end if;
  insert into :schema.job_steps (job_id, seq, token, attempt, tries, kind, status, rich, timed_out, started_at, wait_until, key, awaited,
      filter)
    values (p_id, nextval(':schema.step_ids'), p_token, (p_wait ->> 'attempt')::integer, 1, v_kind, 'p', false, false, v_now,
      coalesce((p_wait ->> 'until')::timestamptz, v_now + (p_wait ->> 'delay_ms')::double precision * interval '1 millisecond'),
      p_wait ->> 'key', p_wait ->> 'awaited', p_wait -> 'filter')
    on conflict (job_id, key) do nothing;
  perform :schema.end_waits(p_id, v_now);
  return (select jsonb_build_object('status', s.status, 'kind', s.kind, 'awaited', s.awaited, 'timed_out', s.timed_out, 'rich', s.rich,
      'result', s.result) from :schema.job_steps s where s.job_id = p_id and s.key = p_wait ->> 'key');
end $$;

-- Ends the waits of a job that are over, in the order in which they came to be. The caller holds the job's row.
create or replace function :schema.end_waits(p_id bigint, p_now timestamptz) returns void language plpgsql as $$
begin
  -- Each signal goes to one wait, the oldest to the first.
  with w as (
    select s.key, s.awaited, row_number() over (partition by s.awaited order by s.seq) as n
    from :schema.job_steps s where s.job_id = p_id and s.status = 'p' and s.kind = 'g'
  ), g as (
    select g.id, 'signal:' || g.name as awaited, row_number() over (partition by g.name order by g.id) as n
    from :schema.job_signals g where g.job_id = p_id
  ), d as (
    delete from :schema.job_signals t using g join w on w.awaited = g.awaited and w.n = g.n
    where t.id = g.id returning w.key, t.data, t.rich, t.id
  ), o as (
    select d.*, nextval(':schema.step_ids') as ended_seq from (select d.* from d order by d.id offset 0) d
  )
  update :schema.job_steps s set status = 'd', ended_seq = o.ended_seq, ended_at = p_now, result = o.data, rich = o.rich
  from o where s.job_id = p_id and s.key = o.key;

  with o as (
    select s.key, t.status as token_status, t.output, t.rich,
      case when t.status = 'c' then t.completed_at when t.status = 't' then t.timeout_at else s.wait_until end as over_at
    from :schema.job_steps s left join :schema.tokens t on s.kind = 'w' and t.id = s.awaited
    where s.job_id = p_id and s.status = 'p' and (s.wait_until <= p_now or t.status <> 'w')
  ), n as (
    select o.*, nextval(':schema.step_ids') as ended_seq from (select o.* from o order by o.over_at offset 0) o
  )
  update :schema.job_steps s set
    status = 'd', ended_seq = n.ended_seq, ended_at = p_now, timed_out = s.kind <> 't' and n.token_status is distinct from 'c',
    result = case when n.token_status = 'c' then coalesce(n.output, 'null') end, rich = coalesce(n.token_status = 'c' and n.rich, false)
  from n where s.job_id = p_id and s.key = n.key and s.status = 'p';
end $$;

-- Suspends attempts whose handlers wait: no worker, lease, attempt or place in a group is held meanwhile. One that already has what it
-- waits for is ready again at once.
--   p_settlements  array of {id, token, kind, waits: [key]}; those of kind `waiting` are looked at
-- Returns the ids suspended.
-- Locks, in order: job rows, their pending waits, the tokens they wait for.
create or replace function :schema.settle_waiting(p_settlements jsonb, p_now timestamptz) returns bigint[] language plpgsql as $$
declare
  v_ids bigint[];
  v_groups text[];
  v_over boolean;
begin
  -- Whoever was asked to cancel is left to end_jobs.
  select array_agg(h.id) into v_ids from (
    select j.id from :schema.jobs j join jsonb_to_recordset(p_settlements) as s(id bigint, token bigint, kind text)
      on j.id = s.id and j.token = s.token and j.lane = 'x' and j.cancel_requested_at is null
    where s.kind = 'waiting' order by j.id for no key update of j
  ) h;
  if v_ids is null then return '{}'; end if;
  -- A completion or an event is committed before these locks are had, and then seen below, or finds the job waiting.
  perform from :schema.job_steps s where s.job_id = any (v_ids) and s.status = 'p' order by s.job_id, s.key for update;
  perform from :schema.tokens t
    where t.id = any (array(select s.awaited from :schema.job_steps s where s.job_id = any (v_ids) and s.status = 'p' and s.kind = 'w'))
    order by t.id for share;
  -- A wait that this run of the handler did not come to is no longer one: it lost a race, say, within a step that is done.
  delete from :schema.job_steps s
    using jsonb_to_recordset(p_settlements) as w(id bigint, token bigint, waits jsonb) join :schema.jobs j on j.id = w.id and j.token = w.token
    where s.job_id = w.id and s.job_id = any (v_ids) and s.status = 'p' and not w.waits ? s.key;
  with w as (
    select a.id, min(s.wait_until) as due, (array_agg(s.awaited order by s.seq) filter (where s.awaited is not null))[1] as awaited,
      coalesce(bool_or(s.status is distinct from 'p' or s.wait_until <= p_now or t.status <> 'w'
        or (s.kind = 'g' and exists (select from :schema.job_signals g where g.job_id = a.id and 'signal:' || g.name = s.awaited))),
        false) as is_over
    from jsonb_to_recordset(p_settlements) as a(id bigint, token bigint, waits jsonb)
    join :schema.jobs j on j.id = a.id and j.token = a.token
    cross join lateral jsonb_array_elements_text(a.waits) k
    left join :schema.job_steps s on s.job_id = a.id and s.key = k.value
    left join :schema.tokens t on s.kind = 'w' and t.id = s.awaited
    where a.id = any (v_ids) group by a.id
  ), u as (
    update :schema.jobs j set
      -- What is ready at once keeps its place in its group.
      lane = case when w.is_over then 'r' when w.due is not null then 't' else 'w' end::"char",
      ready_seq = case when w.is_over then nextval(':schema.job_ids') else j.ready_seq end,
      due_at = case when not w.is_over then w.due end,
      wait_until = coalesce(w.due, case when w.is_over then p_now end), wait_token_id = w.awaited,
      worker = null, lease_until = null, attempts = j.attempts - 1, crashes = 0, changed_at = p_now,
      log = :schema.log_append(j.log, jsonb_strip_nulls(jsonb_build_object(
        'kind', 'attempt', 'outcome', 'waiting', 'attempt', j.attempts, 'token', j.token, 'worker', j.locked_by,
        'claimedAt', j.claimed_at, 'at', p_now, 'waitUntil', w.due, 'waitTokenId', w.awaited))),
      log_dropped = :schema.log_dropped(j)
    from w where j.id = w.id
    returning j.group_key, w.is_over
  )
  select array_agg(u.group_key) filter (where u.group_key is not null and not u.is_over), bool_or(u.is_over)
    into v_groups, v_over from u;
  if v_groups is not null then perform :schema.leave_groups(v_groups); end if;
  perform pg_notify(':channel', 'r') where v_over;
  return v_ids;
end $$;

-- Makes jobs ready that wait for anything. Returns how many.
-- Locks: job rows.
create or replace function :schema.wake_jobs(p_ids bigint[]) returns integer language plpgsql as $$
declare
  v_count integer;
  v_groups text[];
begin
  with u as (
    update :schema.jobs j set
      lane = case when j.group_key is null then 'r' else 'g' end::"char", ready_seq = nextval(':schema.job_ids'), due_at = null
    where j.id = any (array(
        select w.id from :schema.jobs w where w.id = any (p_ids) and w.lane in ('t', 'w') order by w.id for no key update))
      and j.lane in ('t', 'w') and (j.wait_until is not null or j.wait_token_id is not null)
    returning j.group_key
  )
  select count(*), array_agg(distinct u.group_key) filter (where u.group_key is not null) into v_count, v_groups from u;
  if v_groups is not null then
    insert into :schema.group_wakes (group_key) select g from unnest(v_groups) g;
  end if;
  perform pg_notify(':channel', 'r') where v_count > 0;
  return v_count;
end $$;
