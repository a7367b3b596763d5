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

-- Deletes completed jobs that ended before p_before: whole days by dropping their partition, the rest at most p_batch rows a call.
-- Returns how many rows went; call again while it returns at least p_batch.
create or replace function :schema.delete_finished(p_before timestamptz, p_batch integer) returns bigint language plpgsql
security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_part record;
  v_count bigint;
begin
  -- It runs with the owner's rights to drop partitions, for those who may delete rows.
  if not has_table_privilege(:schema.caller(), ':schema.finished_jobs', 'delete') then
    raise exception 'permission denied for table finished_jobs' using errcode = '42501';
  end if;
  for v_part in
    select c.oid, c.relname from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid
    where i.inhparent = ':schema.finished_jobs'::regclass and c.relname ~ '^finished_jobs_\d{8}$'
      and (to_date(right(c.relname, 8), 'YYYYMMDD') + 1)::timestamp at time zone 'UTC' <= p_before
    order by c.relname
  loop
    begin
      perform set_config('lock_timeout', '500ms', true);
      execute format('delete from :schema.job_keys k using %I.%I f where f.idempotency_key is not null '
        || 'and k.key_hash = :schema.key_hash(f.tenant_id, f.idempotency_key) and k.job_id = f.id', ':rawschema', v_part.relname);
      execute format('select count(*) from %I.%I', ':rawschema', v_part.relname) into v_count;
      execute format('drop table %I.%I', ':rawschema', v_part.relname);
      -- An answer of 0 would end the caller's round: an empty day is followed by the next.
      if v_count > 0 then return v_count; end if;
    exception when lock_not_available or deadlock_detected then
      null;
    end;
  end loop;
  with d as (
    delete from :schema.finished_jobs f using (
      select o.tableoid, o.ctid from :schema.finished_jobs o where o.finished_at < p_before limit p_batch) o
    where f.tableoid = o.tableoid and f.ctid = o.ctid
    returning f.id, f.tenant_id, f.idempotency_key
  ), k as (
    delete from :schema.job_keys k using d
    where d.idempotency_key is not null and k.key_hash = :schema.key_hash(d.tenant_id, d.idempotency_key) and k.job_id = d.id
  )
  select count(*) into v_count from d;
  return v_count;
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
revoke execute on function :schema.make_partitions(), :schema.delete_finished(timestamptz, integer) from public;
