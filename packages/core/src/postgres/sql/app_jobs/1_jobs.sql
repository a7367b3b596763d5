-- Schema app_jobs: the tables and functions of @pgpm/database-jobs on the tables of :schema. Its jobs are those of tenants whose id is a
-- UUID (database_id); lower priority numbers go first here, and a job is tried 25 times unless told otherwise. An attempt belongs to
-- whoever holds the job's lock now, by the worker's id: these signatures have no token, so two workers must not share an id.
--
-- All functions run with the owner's rights and only for those who were granted them.
do $app$ begin
  if exists (select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'app_jobs' and c.relname = 'jobs' and c.relkind <> 'v') then
    raise exception 'schema app_jobs holds tables of another package' using errcode = '42P07',
      hint = 'Rename it, install, and import its jobs: see docs/guides/app-jobs.md.';
  end if;
  if coalesce(obj_description(to_regnamespace('app_jobs'), 'pg_namespace'), 'millrace instance :rawschema') <> 'millrace instance :rawschema' then
    raise exception 'schema app_jobs belongs to another instance: %', obj_description(to_regnamespace('app_jobs'), 'pg_namespace')
      using errcode = '42P06';
  end if;
end $app$;
create schema if not exists app_jobs;
comment on schema app_jobs is 'millrace instance :rawschema';

-- The message of a job's last failure.
create or replace function app_jobs.last_error(p_log jsonb) returns text language sql immutable as $$
  select e.value #>> '{error,message}' from jsonb_array_elements(p_log) with ordinality e(value, n)
  where e.value -> 'error' is not null order by e.n desc limit 1
$$;

create or replace function app_jobs.held_key(p_id bigint, p_tenant text, p_key text) returns text language sql stable as $$
  select p_key where p_key is not null
    and exists (select from :schema.job_keys k where k.key_hash = :schema.key_hash(p_tenant, p_key) and k.job_id = p_id)
$$;

create or replace view app_jobs.jobs as
  select j.id, case when :schema.is_uuid(j.tenant_id) then j.tenant_id::uuid end as database_id,
    :schema.queue_name(j.group_key, j.tenant_id) as queue_name, j.job_type as task_identifier, j.payload::json as payload,
    -greatest(j.priority, -2147483647) as priority, coalesce(j.next_attempt_at, j.run_at) as run_at, j.attempts, j.max_attempts,
    case when j.idempotency_key is not null then app_jobs.held_key(j.id, j.tenant_id, j.idempotency_key) end as key,
    case when j.attempts > 0 and j.log is not null then app_jobs.last_error(j.log) end as last_error,
    case when j.lane = 'x' then j.claimed_at end as locked_at, case when j.lane = 'x' then j.locked_by end as locked_by,
    j.created_at, greatest(j.created_at, j.changed_at, j.claimed_at, j.last_failed_at, j.last_retried_at) as updated_at
  from :schema.jobs j where :schema.is_uuid(j.tenant_id) and not j.rich
  union all
  -- Failed for good: its attempts are used up, as far as anybody outside can tell.
  select j.id, case when :schema.is_uuid(j.tenant_id) then j.tenant_id::uuid end, :schema.queue_name(j.group_key, j.tenant_id),
    j.job_type, j.payload::json, -greatest(j.priority, -2147483647), j.run_at, greatest(j.attempts, j.max_attempts), j.max_attempts,
    app_jobs.held_key(j.id, j.tenant_id, j.idempotency_key), app_jobs.last_error(j.log), null, null, j.created_at,
    greatest(j.created_at, j.finished_at)
  from :schema.failed_jobs j where j.status = 'f' and :schema.is_uuid(j.tenant_id) and not j.rich;

create or replace view app_jobs.job_queues as
  select :schema.queue_name(j.group_key, j.tenant_id) as queue_name, count(*)::integer as job_count,
    max(j.claimed_at) filter (where j.lane = 'x') as locked_at, max(j.locked_by) filter (where j.lane = 'x') as locked_by,
    case when :schema.is_uuid(j.tenant_id) then j.tenant_id::uuid end as database_id
  from :schema.jobs j where :schema.is_queue(j.group_key) and :schema.is_uuid(j.tenant_id) and not j.rich
  group by j.group_key, j.tenant_id;

-- Adds a job in the way of this schema. Returns its id, negative if it was there before.
create or replace function app_jobs.put(p_tenant uuid, p_job jsonb) returns bigint language plpgsql as $$
declare
  v_holder bigint;
  v_ids bigint[];
  v_created boolean[];
begin
  if p_tenant is null then
    raise exception 'null value in "database_id": a job must belong to a database' using errcode = '23502';
  end if;
  perform :schema.check_tenant(p_tenant::text);
  if p_job ->> 'key_mode' = 'replace' then
    -- One that has failed for good is taken up again.
    select k.job_id into v_holder from :schema.job_keys k join :schema.failed_jobs f on f.id = k.job_id and f.status = 'f'
      where k.key_hash = :schema.key_hash(p_tenant::text, p_job ->> 'idempotency_key');
    if found then perform :schema.retry_jobs(array[v_holder], true, false); end if;
  end if;
  -- The delays of a processor, as near to ours as its formula comes: e/2 * 2^attempt seconds, at most e^10.
  select a.ids, a.created into v_ids, v_created from :schema.add_jobs(jsonb_build_array(p_job
    || jsonb_build_object('tenant_id', p_tenant, 'retry_delay', 1.36, 'retry_delay_max', 22026)
    || case when p_job ? 'queue' then '{"queue_retries": "pass"}' else '{}' end::jsonb)) a;
  if not coalesce(v_created[1], true) then return -v_ids[1]; end if;
  perform pg_notify('jobs:insert', '');
  return v_ids[1];
end $$;

create or replace function app_jobs.add_job(
  db_id uuid, identifier text, payload json default '{}', job_key text default null, queue_name text default null,
  run_at timestamptz default now(), max_attempts integer default 25, priority integer default 0
) returns app_jobs.jobs language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_id bigint := app_jobs.put(db_id, jsonb_strip_nulls(jsonb_build_object('job_type', identifier, 'queue', queue_name, 'run_at', run_at,
    'max_attempts', coalesce(max_attempts, 25), 'priority', -greatest(coalesce(priority, 0), -2147483647), 'idempotency_key', job_key,
    'key_mode', case when job_key is not null then 'replace' end)) || jsonb_build_object('payload', coalesce(payload, '{}')));
  v_job app_jobs.jobs;
begin
  select * into v_job from app_jobs.jobs j where j.id = abs(v_id);
  return v_job;
end $$;

-- The row of the view, of a live job that was read already.
create or replace function app_jobs.job_row(j :schema.jobs) returns app_jobs.jobs language plpgsql stable as $$
begin
  return (j.id, j.tenant_id::uuid, :schema.queue_name(j.group_key, j.tenant_id), j.job_type, j.payload::json,
    -greatest(j.priority, -2147483647), coalesce(j.next_attempt_at, j.run_at), j.attempts, j.max_attempts,
    case when j.idempotency_key is not null then app_jobs.held_key(j.id, j.tenant_id, j.idempotency_key) end,
    case when j.attempts > 0 and j.log is not null then app_jobs.last_error(j.log) end,
    case when j.lane = 'x' then j.claimed_at end, case when j.lane = 'x' then j.locked_by end,
    j.created_at, greatest(j.created_at, j.changed_at, j.claimed_at, j.last_failed_at, j.last_retried_at));
end $$;

-- Claims in two statements what is ready, as long as nothing else is to be seen to first: pauses, due jobs, queues with a free place. Then,
-- and when there is nothing ready, and once a second for the sake of crashed workers, claim_for_sql does it all. What a call costs is
-- the number of its statements and of the columns that they touch; the row that it answers is made of what the update returns.
-- When this connection last looked for crashed workers is a setting of the session: a hint only, which any connection may lack.
create or replace function app_jobs.get_job(
  worker_id text, task_identifiers text[] default null, job_expiry interval default '4 hours'
) returns app_jobs.jobs language plpgsql security definer set search_path = pg_catalog, pg_temp
-- See claim_for_sql.
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  v_now timestamptz := clock_timestamp();
  v_second text := floor(extract(epoch from v_now))::text;
  v_lease interval := coalesce(job_expiry, interval '4 hours');
  v_id bigint;
  v_job :schema.jobs;
  v_row app_jobs.jobs;
begin
  if worker_id is null or worker_id = '' then raise exception 'INVALID_WORKER_ID' using errcode = '22023'; end if;
  if current_setting('millrace.looked_at', true) is not distinct from v_second and v_lease >= interval '1 second' then
    select j.id into v_id from :schema.jobs j
      where j.lane = 'r' and (task_identifiers is null or j.job_type = any (task_identifiers)) and :schema.is_uuid(j.tenant_id)
        and not j.rich and j.handler_version is null
        and not exists (select from :schema.pauses) and not exists (select from :schema.group_wakes)
        and not exists (select from :schema.dependency_wakes)
        and not exists (select from :schema.jobs t where t.lane = 't' and t.due_at <= v_now)
      order by j.priority desc, j.ready_seq limit 1 for update of j skip locked;
  else
    perform set_config('millrace.looked_at', v_second, false);
  end if;
  if v_id is null then
    select * into v_job from :schema.claim_for_sql(worker_id, task_identifiers, 1, v_lease, true);
    if not found then return null; end if;
    return app_jobs.job_row(v_job);
  end if;
  with u as (
    update :schema.jobs j set
      lane = 'x', token = nextval(':schema.lease_tokens'), worker = null, lease_until = v_now + v_lease, locked_by = worker_id,
      claimed_at = v_now, started_at = coalesce(j.started_at, v_now), attempts = j.attempts + 1, pending_reason = null,
      progress = case when j.wait_until is null and j.wait_token_id is null then null else j.progress end,
      output = case when j.wait_until is null and j.wait_token_id is null then null else j.output end,
      wait_until = null, wait_token_id = null,
      last_retried_at = case when j.next_attempt_at is null then j.last_retried_at else v_now end, next_attempt_at = null
    where j.id = v_id
    returning j.id, j.token, j.tenant_id, j.group_key, j.job_type, j.payload, j.priority, j.run_at, j.attempts, j.max_attempts,
      j.idempotency_key, j.log, j.created_at, greatest(j.created_at, j.changed_at, v_now, j.last_failed_at, j.last_retried_at) as updated_at
  ), l as (
    insert into :schema.sql_leases (job_id, token, lease_until) select u.id, u.token, v_now + v_lease from u
  )
  select u.id, u.tenant_id::uuid, case when u.group_key is not null then :schema.queue_name(u.group_key, u.tenant_id) end, u.job_type,
      u.payload::json, -greatest(u.priority, -2147483647), u.run_at, u.attempts, u.max_attempts,
      case when u.idempotency_key is not null then app_jobs.held_key(u.id, u.tenant_id, u.idempotency_key) end,
      case when u.log is not null then app_jobs.last_error(u.log) end, v_now, worker_id, u.created_at, u.updated_at
    into v_row from u;
  return v_row;
end $$;

-- A job is held by the worker that claimed it, as long as that claim is the last one.
create or replace function app_jobs.complete_job(worker_id text, job_id bigint) returns app_jobs.jobs
language plpgsql security definer set search_path = pg_catalog, pg_temp
-- See claim_for_sql.
set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan as $$
declare
  v_held record;
begin
  select j.token, j.tenant_id::uuid as database_id, j.job_type, j.payload::json as payload, j.attempts, j.max_attempts,
      case when j.group_key is not null then :schema.queue_name(j.group_key, j.tenant_id) end as queue_name,
      -greatest(j.priority, -2147483647) as priority, j.run_at, j.claimed_at, j.created_at,
      case when j.idempotency_key is not null then app_jobs.held_key(j.id, j.tenant_id, j.idempotency_key) end as key,
      case when j.log is not null then app_jobs.last_error(j.log) end as last_error,
      greatest(j.created_at, j.changed_at, j.claimed_at, j.last_failed_at, j.last_retried_at) as updated_at
    into v_held from :schema.jobs j
    where j.id = job_id and j.lane = 'x' and j.worker is null and j.locked_by = worker_id;
  if not found then return null; end if;
  -- The claim's row before the job's, as a rescue takes them.
  delete from :schema.sql_leases l where l.job_id = complete_job.job_id and l.token = v_held.token;
  if :schema.settle_completed(array[job_id], array[v_held.token], true) is not null then return null; end if;
  return (job_id, v_held.database_id, v_held.queue_name, v_held.job_type, v_held.payload, v_held.priority, v_held.run_at, v_held.attempts,
    v_held.max_attempts, v_held.key, v_held.last_error, v_held.claimed_at, worker_id, v_held.created_at, v_held.updated_at);
end $$;

create or replace function app_jobs.fail_job(worker_id text, job_id bigint, error_message text default null) returns app_jobs.jobs
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_token bigint;
  v_attempts integer;
  v_job app_jobs.jobs;
begin
  select j.token, j.attempts into v_token, v_attempts from :schema.jobs j
    where j.id = job_id and j.lane = 'x' and j.worker is null and j.locked_by = worker_id;
  if not found or not :schema.fail_job(job_id, v_token, error_message, make_interval(secs => exp(least(v_attempts, 10)))) then
    return null;
  end if;
  select * into v_job from app_jobs.jobs j where j.id = job_id;
  return v_job;
end $$;

-- Takes claims of SQL workers back. The attempts stay used up: whoever calls this at its start may be the one that died of them.
create or replace function app_jobs.unlock(p_ids bigint[]) returns void language plpgsql as $$
declare
  v_ids bigint[];
begin
  with d as (
    delete from :schema.sql_leases l using (
      select o.job_id, o.token from :schema.sql_leases o where o.job_id = any (p_ids) order by o.job_id, o.token for update) o
    where l.job_id = o.job_id and l.token = o.token
    returning l.job_id, l.token
  )
  select array_agg(h.id) into v_ids from (
    select j.id from d join :schema.jobs j on j.id = d.job_id and j.token = d.token and j.lane = 'x' order by j.id for update of j
  ) h;
  if v_ids is not null then perform :schema.take_back(v_ids, clock_timestamp()); end if;
end $$;

create or replace function app_jobs.release_jobs(worker_id text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform app_jobs.unlock(array(select l.job_id from :schema.sql_leases l
    join :schema.jobs j on j.id = l.job_id and j.token = l.token and j.lane = 'x'
    where j.locked_by = release_jobs.worker_id and :schema.is_uuid(j.tenant_id)));
end $$;

-- Claims jobs that nobody works on for the administrator who ends them by hand. Returns their tokens.
create or replace function app_jobs.seize(p_ids bigint[]) returns table (job_id bigint, token bigint) language plpgsql as $$
declare
  v_now timestamptz := clock_timestamp();
  v_token bigint := nextval(':schema.lease_tokens');
begin
  perform :schema.rescue(v_now);
  perform :schema.retry_jobs(array(select f.id from :schema.failed_jobs f
    where f.id = any (p_ids) and f.status = 'f' and :schema.is_uuid(f.tenant_id)), false, false);
  return query
    with o as (
      select j.id, j.group_key, j.lane in ('r', 'x') or coalesce(j.holds_place, false) as has_place from :schema.jobs j
      where j.id = any (p_ids) and j.lane not in ('x', 'd') and j.wait_until is null and j.wait_token_id is null
        and :schema.is_uuid(j.tenant_id) and not j.rich
      order by j.id for update
    ), g as (
      -- What it gives up when it ends, it must have had.
      insert into :schema.group_wakes (group_key, places) select o.group_key, -1 from o where o.group_key is not null and not o.has_place
    ), l as (
      insert into :schema.sql_leases (job_id, token, lease_until) select o.id, v_token, v_now + interval '1 minute' from o
    ), u as (
      update :schema.jobs j set lane = 'x', token = v_token, worker = null, lease_until = v_now + interval '1 minute', due_at = null,
        locked_by = 'app_jobs', claimed_at = v_now, started_at = coalesce(j.started_at, v_now), attempts = j.attempts + 1,
        next_attempt_at = null, holds_place = null
      from o where j.id = o.id
      returning j.id
    )
    select u.id, v_token from u;
end $$;

create or replace function app_jobs.complete_jobs(job_ids bigint[]) returns setof app_jobs.jobs
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_job app_jobs.jobs;
  v_token bigint;
begin
  for v_job in select j.* from app_jobs.jobs j where j.id = any (job_ids) order by j.id loop
    select s.token into v_token from app_jobs.seize(array[v_job.id]) s;
    if v_token is not null and :schema.complete_job(v_job.id, v_token) then return next v_job; end if;
  end loop;
end $$;

create or replace function app_jobs.permanently_fail_jobs(job_ids bigint[], error_message text default null) returns setof app_jobs.jobs
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_seized record;
begin
  for v_seized in select * from app_jobs.seize(job_ids) loop
    perform :schema.fail_job(v_seized.job_id, v_seized.token, coalesce(error_message, 'Manually marked as failed'), final := true);
    return query select j.* from app_jobs.jobs j where j.id = v_seized.job_id;
  end loop;
end $$;

create or replace function app_jobs.reschedule_jobs(
  job_ids bigint[], run_at timestamptz default null, priority integer default null, attempts integer default null,
  max_attempts integer default null
) returns setof app_jobs.jobs language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_job app_jobs.jobs;
  v_max integer;
begin
  perform :schema.rescue(clock_timestamp());
  for v_job in select j.* from app_jobs.jobs j where j.id = any (job_ids) and j.locked_at is null order by j.id loop
    v_max := coalesce(reschedule_jobs.max_attempts, v_job.max_attempts);
    if exists (select from :schema.failed_jobs f where f.id = v_job.id) then
      -- One whose attempts stay used up stays as it is.
      if coalesce(reschedule_jobs.attempts, v_job.attempts) >= v_max then return next v_job; continue; end if;
      perform :schema.retry_jobs(array[v_job.id], true, false);
      update :schema.jobs j set attempts = least(coalesce(reschedule_jobs.attempts, v_job.attempts), v_max - 1), max_attempts = v_max
        where j.id = v_job.id;
    end if;
    update :schema.jobs j set attempts = greatest(least(coalesce(reschedule_jobs.attempts, j.attempts), v_max - 1), 0)
      where j.id = v_job.id and j.lane <> 'x';
    perform :schema.edit_jobs(array[v_job.id], jsonb_strip_nulls(jsonb_build_object('run_at', reschedule_jobs.run_at,
      'priority', case when reschedule_jobs.priority is not null then -greatest(reschedule_jobs.priority, -2147483647) end,
      'max_attempts', v_max)), false, '{}');
    return query select j.* from app_jobs.jobs j where j.id = v_job.id;
  end loop;
end $$;
