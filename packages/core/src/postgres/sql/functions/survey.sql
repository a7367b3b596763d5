-- What an operator looks at. Every function reads a bounded number of rows, whatever the queue holds, and takes no locks.

-- Groups and queues in which a job runs, is among the next 1000 to run, or waits for a place: {key, tenant, limit, active, running,
-- holders, waiting, next} each, at most p_limit of those with waiting jobs.
--   p_tenant  only those of this tenant; null: all
create or replace function :schema.list_lanes(p_limit integer, p_tenant text) returns jsonb language sql stable as $$
  with recursive running as materialized (
    select j.id, j.group_key, j.tenant_id from :schema.jobs j
    where j.lane = 'x' and j.group_key is not null and j.id = any (array(
      select unnest(l.job_ids) from :schema.leases l union all select s.job_id from :schema.sql_leases s limit 10000))
  ), upcoming as (
    select r.group_key, r.tenant_id from (
      select j.group_key, j.tenant_id from :schema.jobs j where j.lane = 'r' order by j.priority desc, j.ready_seq limit 1000) r
    where r.group_key is not null
  ), waiting(group_key, tenant_id, n) as (
    -- From one key of the index to the next, over however many jobs in between.
    (select j.group_key, j.tenant_id, 1 from :schema.jobs j where j.lane = 'g' order by j.group_key, j.priority desc, j.ready_seq limit 1)
    union all
    select n.group_key, n.tenant_id, w.n + 1 from waiting w, lateral (
      select j.group_key, j.tenant_id from :schema.jobs j where j.lane = 'g' and j.group_key > w.group_key
      order by j.group_key, j.priority desc, j.ready_seq limit 1) n
    where w.n < 5000
  ), keys as (
    select r.group_key, r.tenant_id from running r where p_tenant is null or r.tenant_id = p_tenant
    union select u.group_key, u.tenant_id from upcoming u where p_tenant is null or u.tenant_id = p_tenant
    union select w.group_key, w.tenant_id from (
      select o.* from waiting o where p_tenant is null or o.tenant_id = p_tenant limit p_limit) w
  )
  select jsonb_agg(jsonb_build_object('key', k.group_key, 'tenant', k.tenant_id,
      'isQueue', :schema.is_queue(k.group_key),
      'name', coalesce(:schema.group_id(k.group_key, k.tenant_id), :schema.queue_name(k.group_key, k.tenant_id)),
      'limit', case when :schema.is_queue(k.group_key) then 1 else coalesce(g.max_active, s.group_limit) end,
      'active', coalesce(g.active, 0),
      'running', (select count(*) from running r where r.group_key = k.group_key),
      'holders', (select jsonb_agg(h.id) from (
        select r.id from running r where r.group_key = k.group_key order by r.id limit 20) h),
      'waiting', (select count(*) from (
        select from :schema.jobs j where j.lane = 'g' and j.group_key = k.group_key limit 1001) w),
      'next', (select j.id from :schema.jobs j where j.lane = 'g' and j.group_key = k.group_key
        order by j.priority desc, j.ready_seq limit 1)))
  from keys k cross join :schema.settings s left join :schema.groups g on g.group_key = k.group_key
$$;

-- How many rows of a table there are: counted to p_most, beyond it {n, about: true} as the statistics say.
create or replace function :schema.counted(p_counted bigint, p_most bigint, p_about double precision) returns jsonb language sql immutable as $$
  select case when p_counted <= p_most then jsonb_build_array(p_counted, false)
    else jsonb_build_array(greatest(p_counted, round(p_about)::bigint), true) end
$$;

-- Jobs by state, counted to p_most and estimated beyond: the lanes of live jobs by a sample of whole pages, what has ended by the
-- statistics of its tables.
create or replace function :schema.figures(p_most integer) returns jsonb language plpgsql stable as $$
declare
  v_now timestamptz := clock_timestamp();
  v_live bigint;
  v_lanes jsonb;
  v_about double precision;
  v_pages double precision;
  v_ended jsonb;
  v_oldest timestamptz;
begin
  select count(*) into v_live from (select from :schema.jobs j order by j.id limit p_most + 1) o;
  if v_live <= p_most then
    select jsonb_object_agg(o.state, jsonb_build_array(o.n, false)) into v_lanes from (
      select :schema.live_state(j.lane, j.wait_until, j.wait_token_id, j.next_attempt_at) as state, count(*) as n
      from :schema.jobs j group by 1) o;
  else
    select greatest(pg_stat_get_live_tuples(c.oid), c.reltuples, v_live), greatest(pg_relation_size(c.oid) / 8192, 1)
      into v_about, v_pages from pg_catalog.pg_class c where c.oid = ':schema.jobs'::regclass;
    -- About 400 pages: enough for shares, read in a few milliseconds.
    execute format(
      'select jsonb_object_agg(o.state, jsonb_build_array(round(o.n * %s / o.sampled)::bigint, true)) from (
        select :schema.live_state(j.lane, j.wait_until, j.wait_token_id, j.next_attempt_at) as state, count(*) as n,
          sum(count(*)) over () as sampled
        from :schema.jobs j tablesample system (%s) group by 1) o', v_about, least(100, 40000 / v_pages))
      into v_lanes;
    -- What runs is known by its leases, and what is ready by its own index as far as it is few.
    v_lanes := coalesce(v_lanes, '{}') || jsonb_build_object(
      'x', (select jsonb_build_array((select coalesce(sum(cardinality(l.job_ids)), 0) from :schema.leases l)
        + (select count(*) from :schema.sql_leases), false)),
      'r', (select case when o.n <= p_most then jsonb_build_array(o.n, false)
        else coalesce(v_lanes -> 'r', jsonb_build_array(o.n, true)) end
        from (select count(*) as n from (
          select from :schema.jobs j where j.lane = 'r' order by j.priority desc, j.ready_seq limit p_most + 1) r) o));
  end if;
  select jsonb_build_object(
      'k', :schema.counted((select count(*) from (select from :schema.finished_jobs limit p_most + 1) k), p_most,
        (select sum(greatest(pg_stat_get_live_tuples(i.inhrelid), c.reltuples, 0)) from pg_catalog.pg_inherits i
          join pg_catalog.pg_class c on c.oid = i.inhrelid where i.inhparent = ':schema.finished_jobs'::regclass)),
      'f', :schema.counted((select count(*) from (select from :schema.failed_jobs j where j.status = 'f' limit p_most + 1) f), p_most,
        a.about),
      'c', :schema.counted((select count(*) from (select from :schema.failed_jobs j where j.status = 'c' limit p_most + 1) f), p_most,
        a.about))
    into v_ended
    from (select greatest(pg_stat_get_live_tuples(c.oid), c.reltuples) as about from pg_catalog.pg_class c
      where c.oid = ':schema.failed_jobs'::regclass) a;
  with recursive levels(priority, run_at, n) as (
    (select j.priority, j.run_at, 1 from :schema.jobs j where j.lane = 'r' order by j.priority desc, j.ready_seq limit 1)
    union all
    select o.priority, o.run_at, l.n + 1 from levels l, lateral (
      select j.priority, j.run_at from :schema.jobs j where j.lane = 'r' and j.priority < l.priority
      order by j.priority desc, j.ready_seq limit 1) o
    where l.n < 100
  )
  select min(l.run_at) into v_oldest from levels l;
  return jsonb_build_object('lanes', coalesce(v_lanes, '{}'), 'ended', v_ended,
    'oldestReadyMs', (extract(epoch from v_now - v_oldest) * 1000)::bigint,
    'workers', (select count(*) from :schema.workers w where w.expires_at > v_now));
end $$;

-- The state of a live job in one letter: the lane it is in, but a between two attempts, and w if it suspended itself.
create or replace function :schema.live_state(p_lane "char", p_wait_until timestamptz, p_wait_token text, p_next timestamptz)
returns text language sql immutable as $$
  select case when p_lane = 'x' then 'x'
    when p_lane in ('t', 'w') and (p_wait_until is not null or p_wait_token is not null) then 'w'
    when p_next is not null then 'a' else p_lane::text end
$$;

-- How the database is, in one object. Of other roles' transactions a role without pg_read_all_stats sees only that they are there.
create or replace function :schema.vitals() returns jsonb language sql stable as $$
  select jsonb_build_object(
    'version', current_setting('server_version'),
    'now', clock_timestamp(),
    'bytes', (select sum(pg_total_relation_size(c.oid)) from pg_catalog.pg_class c
      where c.relnamespace = (select n.oid from pg_catalog.pg_namespace n where n.nspname = ':rawschema') and c.relkind = 'r'),
    'tables', (select jsonb_agg(t.* order by t.bytes desc) from (
      select min(o.name) as name, sum(o.bytes) as bytes, sum(o.index_bytes) as index_bytes, sum(o.live) as live, sum(o.dead) as dead,
        max(o.vacuumed_at) as vacuumed_at
      from (
        select regexp_replace(c.relname, '^finished_jobs_.*$', 'finished_jobs') as name, pg_total_relation_size(c.oid) as bytes,
          pg_indexes_size(c.oid) as index_bytes, greatest(pg_stat_get_live_tuples(c.oid), 0) as live,
          pg_stat_get_dead_tuples(c.oid) as dead,
          greatest(pg_stat_get_last_vacuum_time(c.oid), pg_stat_get_last_autovacuum_time(c.oid)) as vacuumed_at
        from pg_catalog.pg_class c where c.relnamespace = (select n.oid from pg_catalog.pg_namespace n where n.nspname = ':rawschema') and c.relkind = 'r') o
      group by o.name order by sum(o.bytes) desc limit 12) t),
    'connections', (select count(*) from pg_catalog.pg_stat_activity a where a.backend_type = 'client backend'),
    'maxConnections', current_setting('max_connections')::integer,
    'oldest', (select jsonb_build_object('ageMs', (extract(epoch from clock_timestamp() - a.xact_start) * 1000)::bigint,
        'state', coalesce(a.state, 'unknown'), 'application', coalesce(a.application_name, ''))
      from pg_catalog.pg_stat_activity a
      where a.xact_start is not null and a.pid <> pg_backend_pid() and a.backend_type = 'client backend'
        and a.datname = current_database()
      order by a.xact_start limit 1),
    'xminAge', (select max(age(x.xmin)) from (
      select a.backend_xmin as xmin from pg_catalog.pg_stat_activity a where a.backend_xmin is not null and a.pid <> pg_backend_pid()
      union all select s.xmin from pg_catalog.pg_replication_slots s where s.xmin is not null
      union all select p.transaction from pg_catalog.pg_prepared_xacts p) x))
$$;
