-- Writing to the views, and the trigger functions that add jobs for rows.

create or replace function app_jobs.insert_job() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_id bigint;
begin
  if new.id is not null or new.locked_at is not null or new.locked_by is not null or new.last_error is not null then
    raise exception 'id, locked_at, locked_by and last_error of a new job must be left out' using errcode = '0A000';
  end if;
  v_id := app_jobs.put(new.database_id, jsonb_strip_nulls(jsonb_build_object('job_type', new.task_identifier, 'queue', new.queue_name,
    'run_at', new.run_at, 'max_attempts', coalesce(new.max_attempts, 25), 'priority', -greatest(coalesce(new.priority, 0), -2147483647),
    -- The key of a job that is done is free.
    'idempotency_key', new.key, 'key_mode', case when new.key is not null then 'replace' end)) || jsonb_build_object('payload', coalesce(new.payload, '{}')));
  if v_id < 0 then
    raise exception 'duplicate key value: job % of this database has the key %', -v_id, new.key using errcode = '23505',
      hint = 'add_job updates the job that has the key.';
  end if;
  if new.attempts > 0 then
    update :schema.jobs j set attempts = least(new.attempts, j.max_attempts - 1) where j.id = v_id;
  end if;
  select * into new from app_jobs.jobs j where j.id = v_id;
  return new;
end $$;

create or replace function app_jobs.update_job() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if (new.id, new.database_id, new.created_at) is distinct from (old.id, old.database_id, old.created_at)
    or new.queue_name is distinct from old.queue_name or new.key is distinct from old.key
    or new.last_error is distinct from old.last_error then
    raise exception 'only task_identifier, payload, priority, run_at, attempts and max_attempts of a job can be set' using errcode = '0A000';
  end if;
  if new.locked_by is not null and new.locked_by is distinct from old.locked_by then
    raise exception 'a job is locked by get_job, and not otherwise' using errcode = '0A000';
  end if;
  if old.locked_by is not null and new.locked_by is null then perform app_jobs.unlock(array[old.id]); end if;
  if (new.task_identifier, new.priority, new.run_at, new.attempts, new.max_attempts, new.payload::text)
    is distinct from (old.task_identifier, old.priority, old.run_at, old.attempts, old.max_attempts, old.payload::text) then
    if exists (select from :schema.jobs j where j.id = old.id and j.lane = 'x') then
      raise exception 'job % is running and cannot be changed', old.id using errcode = '55006';
    end if;
    perform app_jobs.reschedule_jobs(array[old.id], case when new.run_at is distinct from old.run_at then new.run_at end,
      new.priority, new.attempts, new.max_attempts);
    perform :schema.edit_jobs(array[old.id], jsonb_build_object('payload', new.payload), false, '{}')
      where new.payload::text is distinct from old.payload::text;
    update :schema.jobs j set job_type = new.task_identifier where j.id = old.id and j.job_type <> new.task_identifier;
  end if;
  select * into new from app_jobs.jobs j where j.id = old.id;
  return new;
end $$;

create or replace function app_jobs.delete_job() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_token bigint;
  v_worker bigint;
begin
  select j.token, j.worker into v_token, v_worker from :schema.jobs j where j.id = old.id and j.lane = 'x';
  if found then
    delete from :schema.sql_leases l where l.job_id = old.id and l.token = v_token;
    perform :schema.end_jobs(jsonb_build_array(jsonb_build_object('id', old.id, 'token', v_token, 'status', 'c')), clock_timestamp());
    if v_worker is not null then
      insert into :schema.cancel_requests (job_id, token, worker, lost) values (old.id, v_token, v_worker, true) on conflict do nothing;
    end if;
  else
    perform :schema.cancel_jobs(array[old.id], false);
  end if;
  delete from :schema.failed_jobs f where f.id = old.id;
  delete from :schema.job_keys k where k.job_id = old.id;
  perform :schema.forget_steps(array[old.id]);
  return old;
end $$;

create or replace function app_jobs.change_queue() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if tg_op <> 'UPDATE' or new.queue_name <> old.queue_name or new.job_count <> old.job_count or new.locked_by is not null then
    raise exception 'a queue is there while it has jobs; only its lock can be taken away' using errcode = '0A000';
  end if;
  perform app_jobs.unlock(array(select j.id from :schema.jobs j where j.lane = 'x' and j.worker is null
    and j.group_key = :schema.group_key(old.database_id::text, null, old.queue_name)));
  return new;
end $$;

drop trigger if exists insert_job on app_jobs.jobs;
create trigger insert_job instead of insert on app_jobs.jobs for each row execute function app_jobs.insert_job();
drop trigger if exists update_job on app_jobs.jobs;
create trigger update_job instead of update on app_jobs.jobs for each row execute function app_jobs.update_job();
drop trigger if exists delete_job on app_jobs.jobs;
create trigger delete_job instead of delete on app_jobs.jobs for each row execute function app_jobs.delete_job();
drop trigger if exists change_queue on app_jobs.job_queues;
create trigger change_queue instead of insert or update or delete on app_jobs.job_queues for each row execute function app_jobs.change_queue();

-- Whose jobs a row trigger adds: jwt_private.current_database_id() where that is there, else the setting jwt.claims.database_id.
create or replace function app_jobs.current_database_id() returns uuid language plpgsql stable as $$
declare
  v_id uuid;
begin
  -- Runs with our rights, so only if it is of an owner who has them anyway.
  if exists (select from pg_catalog.pg_proc p join pg_catalog.pg_roles r on r.oid = p.proowner
      where p.oid = to_regprocedure('jwt_private.current_database_id()') and (r.rolsuper or r.rolname = current_user)) then
    execute 'select jwt_private.current_database_id()' into v_id;
  else
    v_id := nullif(current_setting('jwt.claims.database_id', true), '')::uuid;
  end if;
  return v_id;
end $$;

create or replace function app_jobs.tg_add_job_with_row_id() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_row jsonb := case when tg_op = 'DELETE' then to_jsonb(old) else to_jsonb(new) end;
begin
  perform app_jobs.add_job(app_jobs.current_database_id(), tg_argv[0], jsonb_build_object('id', v_row -> 'id')::json);
  return case when tg_op = 'DELETE' then old else new end;
end $$;

create or replace function app_jobs.tg_add_job_with_row() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform app_jobs.add_job(app_jobs.current_database_id(), tg_argv[0],
    case when tg_op = 'DELETE' then to_jsonb(old) else to_jsonb(new) end::json);
  return case when tg_op = 'DELETE' then old else new end;
end $$;

create or replace function app_jobs.trigger_job_with_fields() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_row jsonb := case when tg_op = 'DELETE' then to_jsonb(old) else to_jsonb(new) end;
  v_payload jsonb := '{}';
begin
  for v_at in 1 .. tg_nargs - 1 loop
    if not v_row ? tg_argv[v_at] then
      raise exception 'trigger %: table % has no column %', tg_name, tg_relid::regclass, tg_argv[v_at] using errcode = '42703';
    end if;
    v_payload := v_payload || jsonb_build_object(tg_argv[v_at], v_row -> tg_argv[v_at]);
  end loop;
  perform app_jobs.add_job(app_jobs.current_database_id(), tg_argv[0], v_payload::json);
  return case when tg_op = 'DELETE' then old else new end;
end $$;

-- A json object of names and values in turn.
create or replace function app_jobs.json_build_object_apply(arguments text[]) returns json
language sql immutable security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce(json_object_agg(arguments[n], arguments[n + 1] order by n), '{}')
  from generate_series(1, cardinality(arguments), 2) n
$$;
