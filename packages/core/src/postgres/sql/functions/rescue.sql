-- Takes back attempts whose worker is gone. Those on their last attempt, and those that have crashed five workers in a row, end as
-- dead letters; the others are ready again at once, the attempt used up. A crash of an attempt that had finished a step is none in a row:
-- the job gets on. Returns how many were taken back.
-- Locks: job rows.
create or replace function :schema.take_back(p_ids bigint[], p_now timestamptz) returns integer language plpgsql as $$
declare
  v_ends jsonb;
  v_count integer;
  v_ended integer;
begin
  select jsonb_agg(jsonb_build_object('id', j.id, 'token', j.token,
      'status', case when j.cancel_requested_at is null then 'f' else 'c' end,
      -- Also of what was cancelled: the attempt did not end by its own settlement, and one that comes late is told so.
      'reason', 'worker_lost',
      'error', case when j.cancel_requested_at is null then jsonb_build_object(
        'name', 'WorkerLost', 'message', 'The worker that ran this attempt died or was cut off for longer than its lease.',
        'reason', 'worker_lost', 'attempt', j.attempts, 'workerId', j.locked_by, 'timestamp', p_now) end))
    into v_ends
    from :schema.jobs j
    where j.id = any (p_ids) and j.lane = 'x'
      and (j.attempts >= j.max_attempts or j.cancel_requested_at is not null
        or (j.crashes >= 4 and not :schema.got_on(j.id, j.token)));
  v_ended := cardinality(:schema.end_jobs(v_ends, p_now));
  with u as (
    update :schema.jobs j set
      lane = 'r', ready_seq = nextval(':schema.job_ids'), token = null, worker = null, lease_until = null,
      crashes = case when :schema.got_on(j.id, j.token) then 0 else j.crashes + 1 end,
      log = :schema.log_attempt(j, 'lost', p_now, null, 'worker_lost'), log_dropped = :schema.log_dropped(j)
    where j.id = any (p_ids) and j.lane = 'x'
    returning 1
  )
  select count(*) into v_count from u;
  perform pg_notify(':channel', 'r') where v_count > 0;
  return v_count + v_ended;
end $$;

create or replace function :schema.got_on(p_id bigint, p_token bigint) returns boolean language sql stable as $$
  select exists (select from :schema.job_steps s where s.job_id = p_id and s.token = p_token and s.kind = 's' and s.status = 'd')
$$;

-- Takes back everything leased to workers that have been silent past their lease, and claims made without a worker whose own lease
-- has run out. Any node may call it at any time; each dead worker is handled by one of them.
-- Locks: the worker's row, then jobs and leases, all skip locked.
create or replace function :schema.rescue(p_now timestamptz) returns integer language plpgsql as $$
declare
  v_worker bigint;
  v_ids bigint[];
  v_count integer := 0;
  v_gone boolean := false;
begin
  if not exists (select from :schema.workers w where w.expires_at < p_now)
      and not exists (select from :schema.leases l where not exists (select from :schema.workers w where w.id = l.worker))
      and not exists (select from :schema.sql_leases l where l.lease_until < p_now) then
    return 0;
  end if;
  v_ids := :schema.take_sql_leases(p_now);
  if v_ids is not null then v_count := :schema.take_back(v_ids, p_now); end if;
  for v_worker in select w.id from :schema.workers w where w.expires_at < p_now order by w.id for update skip locked loop
    -- The worker's row goes first: from here its heartbeat answers false and it stops what it runs.
    delete from :schema.workers w where w.id = v_worker;
    delete from :schema.cancel_requests c where c.worker = v_worker;
    v_ids := :schema.take_leases(v_worker);
    if v_ids is not null then v_count := v_count + :schema.take_back(v_ids, p_now); end if;
    v_gone := true;
  end loop;
  -- Leases whose worker went while it claimed, or while somebody held some of its jobs.
  for v_worker in
    select distinct l.worker from :schema.leases l where not exists (select from :schema.workers w where w.id = l.worker)
  loop
    v_ids := :schema.take_leases(v_worker);
    if v_ids is not null then v_count := v_count + :schema.take_back(v_ids, p_now); end if;
  end loop;
  if v_gone then perform :schema.set_group_limit(p_now); end if;
  return v_count;
end $$;

-- The documented maintenance call: attempts that began more than p_minutes (or their own timeout, if longer) ago. A live worker's
-- job is never taken, however long it runs.
create or replace function :schema.reclaim_stuck(p_minutes double precision) returns integer language plpgsql as $$
declare
  v_now timestamptz := clock_timestamp();
  v_count integer := :schema.rescue(v_now);
  v_ids bigint[];
begin
  select array_agg(j.id) into v_ids from (
    select j.id from :schema.jobs j
    where j.lane = 'x' and j.id = any (array(
        select unnest(l.job_ids) from :schema.leases l
        where not exists (select from :schema.workers w where w.id = l.worker and w.expires_at > v_now)))
      and j.claimed_at < v_now - greatest(p_minutes * 60000, coalesce(j.timeout_ms, 0)) * interval '1 millisecond'
      and (j.lease_until is null or j.lease_until < v_now)
      and not exists (select from :schema.workers w where w.id = j.worker and w.expires_at > v_now)
    order by j.id for update skip locked
  ) j;
  if v_ids is not null then v_count := v_count + :schema.take_back(v_ids, v_now); end if;
  return v_count;
end $$;

-- Ends the leases of a worker and answers the jobs it still held, locked: whoever else rescues the same worker gets none of them, and
-- none can be retried and claimed anew before it has been taken back.
-- Waits for nobody: a job that a late settlement, a retry or a cancellation holds at this moment stays leased, and is looked at again by
-- the next call. (Settlements lock jobs, then leases; a rescue that waited for either could be waited for.)
create or replace function :schema.take_leases(p_worker bigint) returns bigint[] language plpgsql as $$
declare
  v_ids bigint[];
begin
  select array_agg(h.id) into v_ids from (
    select j.id from :schema.leases l join :schema.jobs j on j.id = any (l.job_ids) and j.token = l.token and j.lane = 'x'
    where l.worker = p_worker order by j.id for update of j, l skip locked
  ) h;
  delete from :schema.leases l using (
    select o.token from :schema.leases o where o.worker = p_worker and not exists (
      select from :schema.jobs j
      where j.id = any (o.job_ids) and j.token = o.token and j.lane = 'x' and j.id <> all (coalesce(v_ids, '{}')))
    for update skip locked
  ) o where l.worker = p_worker and l.token = o.token;
  return v_ids;
end $$;

-- What a worker holds now.
create or replace function :schema.leased_jobs(p_worker bigint) returns bigint[] language sql stable as $$
  select array_agg(j.id) from :schema.leases l join :schema.jobs j on j.id = any (l.job_ids) and j.token = l.token and j.lane = 'x'
  where l.worker = p_worker
$$;

-- The same for claims made by SQL whose time is up.
create or replace function :schema.take_sql_leases(p_now timestamptz) returns bigint[] language plpgsql as $$
declare
  v_ids bigint[];
begin
  select array_agg(h.id) into v_ids from (
    select j.id from :schema.sql_leases l join :schema.jobs j on j.id = l.job_id and j.token = l.token and j.lane = 'x'
    where l.lease_until < p_now order by j.id limit 1000 for update of j, l skip locked
  ) h;
  delete from :schema.sql_leases l using (
    select o.job_id, o.token from :schema.sql_leases o where o.lease_until < p_now and not exists (
      select from :schema.jobs j
      where j.id = o.job_id and j.token = o.token and j.lane = 'x' and j.id <> all (coalesce(v_ids, '{}')))
    order by o.job_id, o.token limit 1000 for update skip locked
  ) o where l.job_id = o.job_id and l.token = o.token;
  return v_ids;
end $$;
