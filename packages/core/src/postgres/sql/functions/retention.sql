-- Makes the history partitions of yesterday to three days ahead. Rows that a missing partition sent to the default one move with it.
-- Owner's rights: the app's role needs no right to create tables.
create or replace function :schema.make_partitions() returns integer language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
declare
  v_day date;
  v_name text;
  v_made integer := 0;
begin
  for v_day in select (clock_timestamp() at time zone 'UTC')::date + n from generate_series(0, 3) n loop
    v_name := 'finished_jobs_' || to_char(v_day, 'YYYYMMDD');
    if to_regclass(format('%I.%I', ':rawschema', v_name)) is not null then continue; end if;
    begin
      perform set_config('lock_timeout', '500ms', true);
      execute format('create table %I.%I (like :schema.finished_jobs including defaults)', ':rawschema', v_name);
      execute format(
        'with m as (delete from :schema.finished_jobs_default d where d.finished_at >= %L and d.finished_at < %L returning *) '
        || 'insert into %I.%I select * from m',
        v_day::timestamp at time zone 'UTC', (v_day + 1)::timestamp at time zone 'UTC', ':rawschema', v_name);
      execute format('alter table :schema.finished_jobs attach partition %I.%I for values from (%L) to (%L)', ':rawschema', v_name,
        v_day::timestamp at time zone 'UTC', (v_day + 1)::timestamp at time zone 'UTC');
      v_made := v_made + 1;
    exception when lock_not_available or duplicate_table or deadlock_detected then
      -- Somebody reads history, or another node makes the same day: the default partition is the net until the next call.
      null;
    end;
  end loop;
  return v_made;
end $$;

-- The days of history that ended before p_before, oldest first. Each is walked by forget_day, piece by piece, and then dropped by drop_day:
-- to delete its rows would write more than it took to store them.
create or replace function :schema.old_days(p_before timestamptz) returns setof date language sql stable as $$
  select d.day from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid
    cross join lateral (select to_date(substring(c.relname from '^finished_jobs_(\d{8})$'), 'YYYYMMDD') as day) d
  where i.inhparent = ':schema.finished_jobs'::regclass and (d.day + 1)::timestamp at time zone 'UTC' <= p_before
  order by d.day
$$;

-- Runs with the owner's rights, to drop partitions, for those who may delete rows.
create or replace function :schema.check_may_delete() returns void language plpgsql stable as $$
begin
  if not has_table_privilege(:schema.caller(), ':schema.finished_jobs', 'delete') then
    raise exception 'permission denied for table finished_jobs' using errcode = '42501';
  end if;
end $$;

-- Forgets the keys and all else that belongs to the jobs in one piece of a day's history: the pages from p_page on that hold about p_batch.
-- Returns how many jobs they hold, and where the next piece begins; null at the end of the day.
create or replace function :schema.forget_day(p_day date, p_page bigint, p_batch integer, out jobs bigint, out next_page bigint)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_name text := 'finished_jobs_' || to_char(p_day, 'YYYYMMDD');
  v_pages bigint;
  v_ids bigint[];
  v_kept bigint[];
begin
  perform :schema.check_may_delete();
  jobs := 0;
  if to_regclass(format('%I.%I', ':rawschema', v_name)) is null then return; end if;
  v_pages := pg_relation_size(format('%I.%I', ':rawschema', v_name)::regclass) / current_setting('block_size')::bigint;
  -- About ten jobs to a page.
  next_page := p_page + greatest(1, p_batch / 10);
  execute format('select array_agg(f.id), array_agg(f.id) filter (where f.idempotency_key is not null) from %I.%I f '
      || 'where f.ctid >= %L and f.ctid < %L', ':rawschema', v_name, format('(%s,0)', p_page), format('(%s,0)', next_page))
    into v_ids, v_kept;
  if next_page >= v_pages then next_page := null; end if;
  if v_ids is null then return; end if;
  jobs := cardinality(v_ids);
  delete from :schema.job_keys k where k.job_id = any (v_kept) and (k.taken_until is null or k.taken_until <= clock_timestamp());
  perform :schema.forget_steps(v_ids);
-- Somebody else has dropped it since, and has counted its jobs.
exception when undefined_table then
  jobs := 0;
  next_page := null;
end $$;

-- Drops a day of history that has been walked to its end. Returns false if it is not there, or if somebody reads history: try again later.
create or replace function :schema.drop_day(p_day date) returns boolean language plpgsql
security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_name text := 'finished_jobs_' || to_char(p_day, 'YYYYMMDD');
begin
  perform :schema.check_may_delete();
  -- Today's is being written.
  if p_day >= (clock_timestamp() at time zone 'UTC')::date then return false; end if;
  perform set_config('lock_timeout', '500ms', true);
  if to_regclass(format('%I.%I', ':rawschema', v_name)) is null then return false; end if;
  execute format('drop table %I.%I', ':rawschema', v_name);
  return true;
exception when lock_not_available or deadlock_detected or undefined_table then
  return false;
end $$;

-- Deletes completed jobs that ended before p_before, with all that belongs to them, and are in no whole day before it: at most p_batch a
-- call. Returns how many went; call again until it is 0.
create or replace function :schema.delete_finished(p_before timestamptz, p_batch integer) returns bigint language plpgsql as $$
declare
  v_day timestamptz := date_trunc('day', p_before at time zone 'UTC') at time zone 'UTC';
  v_ids bigint[];
begin
  with o as (
    select x.part, x.place from (
      select o.tableoid as part, o.ctid as place from :schema.finished_jobs o where o.finished_at >= v_day and o.finished_at < p_before
      union all
      -- What came too late for a day of its own.
      select o.tableoid, o.ctid from :schema.finished_jobs_default o where o.finished_at < v_day
    ) x limit p_batch
  ), d as (
    delete from :schema.finished_jobs f using o where f.tableoid = o.part and f.ctid = o.place
    returning f.id, f.tenant_id, f.idempotency_key
  ), k as (
    delete from :schema.job_keys k using d
    where d.idempotency_key is not null and k.job_id = d.id and (k.taken_until is null or k.taken_until <= clock_timestamp())
  )
  select array_agg(d.id) into v_ids from d;
  if v_ids is null then return 0; end if;
  perform :schema.forget_steps(v_ids);
  return cardinality(v_ids);
end $$;

-- Deletes tokens of no job that ended before p_before and that nobody waits for, at most p_batch a call. Returns how many went.
create or replace function :schema.delete_tokens(p_before timestamptz, p_batch integer) returns bigint language plpgsql as $$
declare
  v_count bigint;
begin
  delete from :schema.tokens t where t.id = any (array(
    select o.id from :schema.tokens o
    where o.job_id is null and o.status <> 'w' and coalesce(o.completed_at, o.timeout_at) < p_before
      and not exists (select from :schema.job_steps s where s.awaited = o.id and s.status = 'p' and s.kind in ('w', 'e'))
    limit p_batch));
  get diagnostics v_count = row_count;
  return v_count;
end $$;

-- Held shared by whoever adds jobs that depend on stored ones, until its transaction ends, and alone by whoever deletes jobs that did not
-- complete: one that is gone counts as completed for those that wait for it.
create or replace function :schema.prerequisite_lock() returns bigint language sql immutable as $$
  select hashtextextended(':channel', 4909)
$$;

-- Deletes jobs that failed for good (p_status 'f') or were cancelled ('c') before p_before, oldest first, with all that belongs to them:
-- at most p_batch a call. One that another job waits for stays, and one whose end has not been told to all who waited.
-- Returns how many went; call again until it is 0. That it is, too, where somebody adds dependents in a transaction that goes on.
-- Locks: the lock of prerequisites (alone; 100 ms at most), the jobs' rows (skipping those that somebody has), those of their keys, steps,
-- signals, tokens and log lines.
create or replace function :schema.delete_failed(p_status "char", p_before timestamptz, p_batch integer) returns bigint language plpgsql as $$
declare
  v_ids bigint[];
  v_count bigint;
begin
  perform set_config('lock_timeout', '100ms', true);
  perform pg_advisory_xact_lock(:schema.prerequisite_lock());
  -- The status as a literal: each has an index of its own by time.
  execute format('select array_agg(o.id) from (select f.id from :schema.failed_jobs f where f.status = %L and f.finished_at < $1 '
    || 'and not exists (select from :schema.job_dependencies d where d.on_job_id = f.id) '
    || 'and not exists (select from :schema.dependency_wakes w where w.job_id = f.id) '
    || 'order by f.finished_at, f.id limit $2 for update of f skip locked) o', p_status) into v_ids using p_before, p_batch;
  if v_ids is null then return 0; end if;
  perform :schema.forget_steps(v_ids);
  with d as (
    delete from :schema.failed_jobs f where f.id = any (v_ids) returning f.id, f.tenant_id, f.idempotency_key
  ), k as (
    delete from :schema.job_keys k using d
    where d.idempotency_key is not null and k.job_id = d.id and (k.taken_until is null or k.taken_until <= clock_timestamp())
  )
  select count(*) into v_count from d;
  return v_count;
exception when lock_not_available or deadlock_detected then
  return 0;
end $$;

-- Forgets the recorded trail of finished jobs older than p_before, at most p_batch jobs a call. Returns how many events went.
create or replace function :schema.delete_events(p_before timestamptz, p_batch integer) returns bigint language plpgsql as $$
declare
  v_count bigint;
  v_more bigint;
begin
  with o as materialized (
    select f.tableoid, f.ctid, (select sum(:schema.log_events(e.value)) from jsonb_array_elements(f.log) e)::integer as events
    from :schema.finished_jobs f
    where f.finished_at < p_before and f.log is not null limit p_batch
  ), u as (
    update :schema.finished_jobs f set log = null, log_dropped = f.log_dropped + coalesce(o.events, 0)
    from o where f.tableoid = o.tableoid and f.ctid = o.ctid returning o.events
  )
  select coalesce(sum(u.events), 0) into v_count from u;
  return v_count;
end $$;

-- Forgets rows that nothing refers to any more: stop requests of ended attempts, notes of paused jobs that have ended (under a pause
-- without an end they would only gather), and groups without jobs. Wakes groups that wait for
-- nothing: a place that came free while every waiting job was locked by somebody who then rolled back was offered to nobody.
create or replace function :schema.forget_stale() returns void language plpgsql as $$
begin
  delete from :schema.cancel_requests c
    where not exists (select from :schema.leases l where l.worker = c.worker and l.token = c.token)
      or (not c.lost and not exists (select from :schema.jobs j where j.id = c.job_id and j.token = c.token and j.lane = 'x'));
  -- Keys whose window outlived their job.
  delete from :schema.job_keys k where k.taken_until <= clock_timestamp() and not exists (select from :schema.jobs j where j.id = k.job_id)
    and not exists (select from :schema.failed_jobs j where j.id = k.job_id)
    and not exists (select from :schema.finished_jobs j where j.id = k.job_id);
  delete from :schema.paused_jobs q where not exists (select from :schema.jobs j where j.id = q.job_id);
  -- Dependents of jobs that are not live any more and have not failed: somebody deleted what they waited for.
  insert into :schema.dependency_wakes (kind, job_id, patient)
    select distinct 'c'::"char", d.job_id, true from :schema.job_dependencies d
    where not d.watch and not exists (select from :schema.jobs p where p.id = d.on_job_id)
      and not exists (select from :schema.failed_jobs p where p.id = d.on_job_id);
  insert into :schema.dependency_wakes (kind, job_id)
    select 'b', d.job_id from :schema.job_dependencies d
    where d.watch and not exists (select from :schema.jobs p where p.id = d.on_job_id);
  perform pg_advisory_xact_lock(:schema.group_lock());
  delete from :schema.groups g where g.active = 0 and (g.max_active is null or :schema.is_queue(g.group_key))
    and not exists (select from :schema.jobs j where j.lane = 'g' and j.group_key = g.group_key);
  insert into :schema.group_wakes (group_key)
    select g.group_key from :schema.groups g, :schema.settings s
    where g.active < coalesce(g.max_active, s.group_limit, 2147483647)
      and exists (select from :schema.jobs j where j.lane = 'g' and j.group_key = g.group_key)
      and not exists (select from :schema.group_wakes w where w.group_key = g.group_key);
end $$;

-- Owner's rights are for the roles that the owner grants them to (see postgres/grants.ts), not for whoever may look into the schema.
revoke execute on function :schema.make_partitions(), :schema.forget_day(date, bigint, integer), :schema.drop_day(date) from public;
