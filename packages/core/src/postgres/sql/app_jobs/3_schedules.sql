-- Scheduled jobs: schedules of :schema that tenants with a UUID have. schedule_info is turned into the rule that our own scheduler
-- reads; what was given stays in it as `info`.

-- The rule of one schedule_info, with its first and last time: {rule, timezone, starts_at, ends_at}. Refuses what would never fire.
create or replace function app_jobs.schedule_rule(p_info jsonb) returns jsonb language plpgsql stable as $$
declare
  v_rule jsonb := p_info;
  v_zone text := 'UTC';
  v_start timestamptz;
  v_end timestamptz;
  v_fields text[];
  v_at timestamptz;
begin
  if jsonb_typeof(p_info) = 'object' and p_info ? 'rule' then
    v_rule := p_info -> 'rule';
    v_start := app_jobs.schedule_time(p_info -> 'start');
    v_end := app_jobs.schedule_time(p_info -> 'end');
    v_zone := coalesce(p_info ->> 'tz', v_zone);
    if v_end <= clock_timestamp() or v_end < v_start then
      raise exception 'schedule_info: the end % has passed, or comes before the start', v_end using errcode = '22023';
    end if;
  end if;
  if jsonb_typeof(v_rule) = 'object' then
    v_zone := coalesce(v_rule ->> 'tz', v_zone);
    v_fields := app_jobs.recurrence_fields(v_rule);
  elsif jsonb_typeof(v_rule) = 'string' and v_rule #>> '{}' !~ ':' and v_rule #>> '{}' ~ '^\s*\S+(\s+\S+){4,5}\s*$' then
    v_fields := regexp_split_to_array(btrim(v_rule #>> '{}'), '\s+');
    if cardinality(v_fields) = 5 then v_fields := '{0}' || v_fields; end if;
    perform app_jobs.check_cron(v_fields);
  else
    v_at := app_jobs.schedule_time(v_rule);
    if v_at is null or v_at <= clock_timestamp() then
      raise exception 'schedule_info: % is no cron expression, no recurrence and no time to come', v_rule using errcode = '22023';
    end if;
    -- Once: every ten years, and over at its first time.
    return jsonb_build_object('rule', jsonb_build_object('kind', 'every', 'everyMs', 315360000000,
        'anchorMs', floor(extract(epoch from v_at) * 1000), 'info', p_info),
      'timezone', 'UTC', 'starts_at', date_trunc('milliseconds', v_at), 'ends_at', date_trunc('milliseconds', v_at));
  end if;
  if not exists (select from pg_catalog.pg_timezone_names z where z.name = v_zone) then
    raise exception 'schedule_info: % is no time zone', v_zone using errcode = '22023';
  end if;
  return jsonb_build_object('rule', jsonb_build_object('kind', 'cron', 'expression', array_to_string(v_fields, ' '), 'timezone', v_zone,
    'info', p_info), 'timezone', v_zone, 'starts_at', v_start, 'ends_at', v_end);
end $$;

-- A time as text or in milliseconds since 1970; null for null.
create or replace function app_jobs.schedule_time(p_value jsonb) returns timestamptz language plpgsql stable as $$
begin
  case coalesce(jsonb_typeof(p_value), 'null')
    when 'null' then return null;
    when 'number' then return to_timestamp((p_value #>> '{}')::double precision / 1000);
    when 'string' then return (p_value #>> '{}')::timestamptz;
    else raise exception 'schedule_info: % is no time', p_value using errcode = '22023';
  end case;
exception when datetime_field_overflow or invalid_datetime_format then
  raise exception 'schedule_info: % is no time', p_value using errcode = '22023';
end $$;

-- The seven fields of a recurrence object; an absent one is any, but for the second, which is then 0.
create or replace function app_jobs.recurrence_fields(p_rule jsonb) returns text[] language plpgsql immutable as $$
declare
  f record;
  v_part jsonb;
  v_list text;
  v_fields text[] := '{}';
begin
  if exists (select from jsonb_object_keys(p_rule) k where k not in ('second', 'minute', 'hour', 'date', 'month', 'dayOfWeek', 'year', 'tz'))
    or not p_rule ?| array['second', 'minute', 'hour', 'date', 'month', 'dayOfWeek', 'year'] then
    raise exception 'schedule_info: % must have some of second, minute, hour, date, month, dayOfWeek and year', p_rule using errcode = '22023';
  end if;
  for f in
    select * from (values ('second', 0, 59), ('minute', 0, 59), ('hour', 0, 23), ('date', 1, 31), ('month', 0, 11), ('dayOfWeek', 0, 6),
      ('year', 1970, 9999)) as x(name, low, high)
  loop
    v_part := coalesce(p_rule -> f.name, 'null');
    if v_part = 'null' then
      v_fields := v_fields || case when f.name = 'second' then '0' else '*' end;
      continue;
    end if;
    if jsonb_typeof(v_part) <> 'array' then v_part := jsonb_build_array(v_part); end if;
    if jsonb_array_length(v_part) = 0 or exists (select from jsonb_array_elements(v_part) e where jsonb_typeof(e.value) <> 'number'
        or (e.value #>> '{}')::numeric not between f.low and f.high or (e.value #>> '{}')::numeric % 1 <> 0) then
      raise exception 'schedule_info: % must be whole numbers between % and %, not %', f.name, f.low, f.high, v_part using errcode = '22023';
    end if;
    select string_agg(((e.value #>> '{}')::numeric::integer + case when f.name = 'month' then 1 else 0 end)::text, ',') into v_list
      from jsonb_array_elements(v_part) e;
    -- Both the date and the day of the week must hold, where cron takes either.
    if f.name = 'dayOfWeek' and p_rule -> 'date' <> 'null' then v_list := '+' || v_list; end if;
    v_fields := v_fields || v_list;
  end loop;
  return v_fields;
end $$;

create or replace function app_jobs.check_cron(p_fields text[]) returns void language sql immutable as $$
  select :schema.check_cron(p_fields)
$$;

create or replace view app_jobs.scheduled_jobs as
  select s.id, case when :schema.is_uuid(s.tenant_id) then s.tenant_id::uuid end as database_id, s.job ->> 'queue' as queue_name,
    s.job ->> 'job_type' as task_identifier, (s.job -> 'payload')::json as payload,
    -greatest(coalesce((s.job ->> 'priority')::integer, 0), -2147483647) as priority, (s.job ->> 'max_attempts')::integer as max_attempts,
    s.rule ->> 'key' as key, l.locked_at, l.locked_by, (s.rule -> 'info')::json as schedule_info,
    s.last_enqueued_at as last_scheduled, s.last_job_id as last_scheduled_id
  from :schema.schedules s left join :schema.app_schedule_locks l on l.schedule_id = s.id and l.locked_at > now() - interval '4 hours'
  where s.rule ? 'info' and :schema.is_uuid(s.tenant_id);

-- Adds a schedule, or changes the one that has the key. Returns its id.
create or replace function app_jobs.put_schedule(p_tenant uuid, p_info jsonb, p_job jsonb) returns bigint language plpgsql as $$
declare
  v_when jsonb := app_jobs.schedule_rule(coalesce(p_info, '{}'));
  v_key text := p_job ->> 'idempotency_key';
  v_now timestamptz := date_trunc('milliseconds', clock_timestamp());
  v_id bigint;
begin
  if p_tenant is null then
    raise exception 'null value in "database_id": a schedule must belong to a database' using errcode = '23502';
  end if;
  perform :schema.check_tenant(p_tenant::text);
  perform :schema.refuse_faulty_job(jsonb_build_array(p_job)) where :schema.has_faulty_job(jsonb_build_array(p_job));
  insert into :schema.schedules as s (name, tenant_id, owner, status, revision, rule, timezone, starts_at, ends_at, allow_overlap, catch_up,
      catch_up_limit, grace_ms, jitter_ms, once_per, job, next_run_at, created_at, updated_at)
    values (coalesce('app_jobs ' || v_key, 'app_jobs ' || gen_random_uuid()), p_tenant::text, null, 'a', 1,
      (v_when -> 'rule') || jsonb_build_object('key', v_key),
      v_when ->> 'timezone', (v_when ->> 'starts_at')::timestamptz, (v_when ->> 'ends_at')::timestamptz, false, 'o', 1, 60000, 0, null,
      -- Without the key: that no second job is added while one is live is the schedule's to see to.
      p_job - 'idempotency_key' || jsonb_build_object('tenant_id', p_tenant, 'retry_delay', 1.36, 'retry_delay_max', 22026)
        || case when p_job ? 'queue' then '{"queue_retries": "pass"}' else '{}' end::jsonb,
      v_now, v_now, v_now)
    on conflict ((coalesce(tenant_id, '')), name) do update set
      rule = excluded.rule, timezone = excluded.timezone, starts_at = excluded.starts_at, ends_at = excluded.ends_at, job = excluded.job,
      next_run_at = excluded.next_run_at, revision = s.revision + 1, updated_at = v_now
    returning s.id into v_id;
  -- SQL cannot tell the first time of a rule: now stands for it, and has been dealt with. Whoever fires schedules moves on from it.
  if v_when #>> '{rule,kind}' = 'every' then
    update :schema.schedules s set next_run_at = s.starts_at where s.id = v_id;
  else
    insert into :schema.schedule_ticks (schedule_id, tick_at, outcome, job_id, fired_at) values (v_id, v_now, 'u', null, v_now)
      on conflict do nothing;
  end if;
  perform pg_notify(':channel', 's');
  perform pg_notify('scheduled_jobs:insert', '');
  return v_id;
end $$;

create or replace function app_jobs.add_scheduled_job(
  db_id uuid, identifier text, payload json default '{}', schedule_info json default '{}', job_key text default null,
  queue_name text default null, max_attempts integer default 25, priority integer default 0
) returns app_jobs.scheduled_jobs language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_id bigint := app_jobs.put_schedule(db_id, schedule_info::jsonb, jsonb_strip_nulls(jsonb_build_object('job_type', identifier,
    'queue', queue_name, 'max_attempts', coalesce(max_attempts, 25), 'priority', -greatest(coalesce(priority, 0), -2147483647),
    'idempotency_key', job_key)) || jsonb_build_object('payload', coalesce(payload, '{}')));
  v_row app_jobs.scheduled_jobs;
begin
  select * into v_row from app_jobs.scheduled_jobs s where s.id = v_id;
  return v_row;
end $$;

-- For schedulers of the package. Ours fires every schedule whether or not one of them holds it: run one kind.
create or replace function app_jobs.get_scheduled_job(worker_id text, task_identifiers text[] default null) returns app_jobs.scheduled_jobs
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_id bigint;
  v_row app_jobs.scheduled_jobs;
begin
  if worker_id is null or worker_id = '' then raise exception 'INVALID_WORKER_ID' using errcode = '22023'; end if;
  select s.id into v_id from :schema.schedules s
    where s.rule ? 'info' and :schema.is_uuid(s.tenant_id) and (task_identifiers is null or s.job ->> 'job_type' = any (task_identifiers))
      and not exists (select from :schema.app_schedule_locks l where l.schedule_id = s.id and l.locked_at > now() - interval '4 hours')
    order by coalesce((s.job ->> 'priority')::integer, 0) desc, s.id limit 1 for update skip locked;
  if v_id is null then return null; end if;
  insert into :schema.app_schedule_locks as l (schedule_id, locked_by, locked_at) values (v_id, worker_id, clock_timestamp())
    on conflict (schedule_id) do update set locked_by = excluded.locked_by, locked_at = excluded.locked_at;
  select * into v_row from app_jobs.scheduled_jobs s where s.id = v_id;
  return v_row;
end $$;

create or replace function app_jobs.release_scheduled_jobs(worker_id text, ids bigint[] default null) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  delete from :schema.app_schedule_locks l
  where l.locked_by = release_scheduled_jobs.worker_id and (ids is null or l.schedule_id = any (ids))
$$;

create or replace function app_jobs.run_schedule_now(p_id bigint, p_expiry interval) returns app_jobs.jobs language plpgsql as $$
declare
  v_last bigint;
  v_job app_jobs.jobs;
begin
  select s.last_job_id into v_last from :schema.schedules s
    where s.id = p_id and s.rule ? 'info' and :schema.is_uuid(s.tenant_id) for update;
  if not found then return null; end if;
  if exists (select from :schema.jobs j where j.id = v_last and (j.lane <> 'x' or j.claimed_at > now() - p_expiry)) then
    raise exception 'ALREADY_SCHEDULED';
  end if;
  v_last := (:schema.run_schedule(p_id) ->> 'job')::bigint;
  select * into v_job from app_jobs.jobs j where j.id = v_last;
  perform pg_notify('jobs:insert', '');
  return v_job;
end $$;

-- Both names of the parameter: that of the package's documentation and that of its SQL. Double precision is what a number of any type
-- and a parameter without one become when nothing else fits, so that every call finds one of the two and none finds both.
drop function if exists app_jobs.run_scheduled_job(integer, interval);
create or replace function app_jobs.run_scheduled_job(scheduled_job_id bigint, job_expiry interval default '1 hours') returns app_jobs.jobs
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select app_jobs.run_schedule_now(scheduled_job_id, job_expiry)
$$;
create or replace function app_jobs.run_scheduled_job(id double precision, job_expiry interval default '1 hours') returns app_jobs.jobs
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select app_jobs.run_schedule_now(run_scheduled_job.id::bigint, job_expiry)
$$;

create or replace function app_jobs.change_schedule() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_id bigint;
begin
  if tg_op = 'DELETE' then
    delete from :schema.app_schedule_locks l where l.schedule_id = old.id;
    delete from :schema.schedules s where s.id = old.id;
    return old;
  end if;
  if tg_op = 'INSERT' then
    if new.id is not null or new.locked_by is not null or new.last_scheduled_id is not null then
      raise exception 'id, locked_by and last_scheduled_id of a new schedule must be left out' using errcode = '0A000';
    end if;
    if new.key is not null and exists (select from app_jobs.scheduled_jobs s where s.database_id = new.database_id and s.key = new.key) then
      raise exception 'duplicate key value: a schedule of this database has the key %', new.key using errcode = '23505';
    end if;
  else
    if (new.id, new.database_id) is distinct from (old.id, old.database_id) or new.key is distinct from old.key then
      raise exception 'id, database_id and key of a schedule cannot be set' using errcode = '0A000';
    end if;
    if old.locked_by is not null and new.locked_by is null then
      delete from :schema.app_schedule_locks l where l.schedule_id = old.id;
    end if;
  end if;
  v_id := app_jobs.put_schedule(new.database_id, new.schedule_info::jsonb, jsonb_strip_nulls(jsonb_build_object('job_type', new.task_identifier,
    'queue', new.queue_name, 'max_attempts', coalesce(new.max_attempts, 25), 'idempotency_key', new.key,
    'priority', -greatest(coalesce(new.priority, 0), -2147483647))) || jsonb_build_object('payload', coalesce(new.payload, '{}')));
  if tg_op = 'UPDATE' and v_id <> old.id then
    -- Without a key it was made anew: the old one takes its definition over.
    update :schema.schedules s set rule = n.rule, timezone = n.timezone, starts_at = n.starts_at, ends_at = n.ends_at, job = n.job,
      next_run_at = n.next_run_at, revision = s.revision + 1, updated_at = n.updated_at
      from :schema.schedules n where s.id = old.id and n.id = v_id;
    insert into :schema.schedule_ticks (schedule_id, tick_at, outcome, job_id, fired_at)
      select old.id, t.tick_at, t.outcome, t.job_id, t.fired_at from :schema.schedule_ticks t where t.schedule_id = v_id on conflict do nothing;
    delete from :schema.schedules s where s.id = v_id;
    v_id := old.id;
  end if;
  select * into new from app_jobs.scheduled_jobs s where s.id = v_id;
  return new;
end $$;
drop trigger if exists change_schedule on app_jobs.scheduled_jobs;
create trigger change_schedule instead of insert or update or delete on app_jobs.scheduled_jobs
  for each row execute function app_jobs.change_schedule();
