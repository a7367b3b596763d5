-- Takes over the jobs of @pgpm/database-jobs, one batch a call, as import_dataqueue does. Its schema has been renamed before: app_jobs is
-- ours.
--   source     its schema
--   take_held  also jobs that are locked: their workers are gone. The attempt is used up
--   batch      at most how many rows
-- Returns as import_dataqueue.
-- Locks: rows of the source, skipping what others hold; then as import_jobs.
create or replace function :schema.import_database_jobs(
  source text default 'app_jobs_before', take_held boolean default false, batch integer default 1000,
  out moved integer, out dead integer, out same_key integer
) language plpgsql as $$
declare
  v_table regclass := :schema.import_table(format('%I.jobs', source), 'database_id', 'task_identifier', 'locked_at');
  v_last bigint;
  v_rows jsonb;
  v_jobs jsonb;
begin
  execute format($q$
    with due as (
      select q.id from %1$s q where q.locked_at is null or $1 order by q.id limit $2 for update skip locked
    ), gone as (
      delete from %1$s q using due where q.id = due.id returning q.id, to_jsonb(q) as j
    )
    select jsonb_agg(g.j order by g.id), (select max(q.id) from %1$s q) from gone g $q$, v_table)
    using take_held, batch into v_rows, v_last;

  select coalesce(jsonb_agg(r.value order by r.n), '[]'), jsonb_array_length(v_rows) - count(r.value) into v_rows, same_key
    from jsonb_array_elements(v_rows) with ordinality r(value, n)
    where not exists (select from :schema.job_keys k where r.value ->> 'key' is not null
      and k.key_hash = :schema.key_hash(r.value ->> 'database_id', r.value ->> 'key'));
  same_key := coalesce(same_key, 0);
  select coalesce(jsonb_agg(:schema.database_job(r.value) order by r.n), '[]') into v_jobs
    from jsonb_array_elements(v_rows) with ordinality r(value, n);
  select m.moved, m.dead into moved, dead from :schema.import_rows('database-jobs ' || :schema.full_name(v_table), v_last, v_jobs) m;
end $$;
comment on function :schema.import_database_jobs(text, boolean, integer) is
  'Takes over a batch of the jobs of @pgpm/database-jobs, whose schema has been renamed to `source`; its rows go. Those whose attempts are used up become dead letters. Repeat it until it answers 0 three times. With `take_held` the workers of the package are gone, and what they held runs again.';

-- What import_jobs takes of a row of its jobs, under its own id; delays as app_jobs.put has them.
create or replace function :schema.database_job(j jsonb) returns jsonb language sql stable as $$
  select jsonb_build_object('row', jsonb_strip_nulls(jsonb_build_object(
      'id', j -> 'id', 'ready_seq', j -> 'id', 'job_type', j -> 'task_identifier', 'tenant_id', j -> 'database_id',
      'priority', -greatest((j ->> 'priority')::integer, -2147483647), 'created_at', x.created_at, 'run_at', j -> 'run_at',
      'attempts', j -> 'attempts', 'max_attempts', j -> 'max_attempts', 'crashes', 0, 'unmet', 0, 'log_dropped', 0,
      'rich', false, 'force_kill', false, 'retry_delay', 1.36, 'retry_delay_max', 22026,
      'lane', case when x.is_dead then 'x' when x.due_at is not null then 't' when x.group_key is not null then 'g' else 'r' end,
      'status', case when x.is_dead then 'f' end, 'due_at', case when not x.is_dead then x.due_at end,
      'next_attempt_at', case when not x.is_dead and x.attempts > 0 then x.due_at end,
      'finished_at', case when x.is_dead then x.updated_at end,
      'last_failed_at', case when x.has_failed then x.updated_at end,
      'failure_reason', case when x.is_held then 'worker_lost' when x.has_failed or x.is_dead then 'handler_error' end,
      'idempotency_key', j -> 'key', 'group_key', x.group_key, 'group_tier', case when x.group_key is not null then 'pass' end))
    || :schema.imported_values(j -> 'payload', case when x.has_failed then :schema.imported_errors(jsonb_build_array(
      jsonb_build_object('message', j ->> 'last_error', 'timestamp', x.updated_at)), 'timestamp') end))
    || case when j ->> 'key' is not null then '{"holds_key": true}' else '{}' end::jsonb
  from (
    select j ->> 'locked_at' is not null as is_held, (j ->> 'attempts')::integer as attempts, j ->> 'last_error' is not null as has_failed,
      (j ->> 'attempts')::integer >= (j ->> 'max_attempts')::integer as is_dead,
      coalesce(j ->> 'created_at', j ->> 'run_at')::timestamptz as created_at,
      coalesce(j ->> 'updated_at', j ->> 'created_at', j ->> 'run_at')::timestamptz as updated_at,
      case when (j ->> 'run_at')::timestamptz > clock_timestamp() then (j ->> 'run_at')::timestamptz end as due_at,
      :schema.group_key(j ->> 'database_id', null, j ->> 'queue_name') as group_key
  ) x
$$;

-- Takes over its schedules into app_jobs, which must be ours by now, and points triggers of other tables at the functions of ours. What
-- could never fire, which the package accepts, stays and is named with the reason.
create or replace function :schema.import_database_schedules(
  source text default 'app_jobs_before', out moved integer, out triggers integer, out refused jsonb
) language plpgsql as $$
declare
  v_table regclass := :schema.import_table(format('%I.scheduled_jobs', source), 'database_id', 'task_identifier', 'schedule_info');
  r record;
begin
  moved := 0;
  triggers := 0;
  refused := '[]';
  for r in execute format('select * from %s s order by s.id for update', v_table) loop
    begin
      insert into app_jobs.scheduled_jobs (database_id, queue_name, task_identifier, payload, priority, max_attempts, key, schedule_info)
        values (r.database_id, r.queue_name, r.task_identifier, r.payload, r.priority, r.max_attempts, r.key, r.schedule_info);
      execute format('delete from %s s where s.id = $1', v_table) using r.id;
      moved := moved + 1;
    exception when invalid_parameter_value or unique_violation then
      refused := refused || jsonb_build_object('id', r.id, 'task', r.task_identifier, 'reason', sqlerrm);
    end;
  end loop;
  for r in
    select t.tgname, t.tgrelid::regclass as on_table, t.tgenabled, pg_get_triggerdef(t.oid) as definition, p.proname
    from pg_catalog.pg_trigger t join pg_catalog.pg_proc p on p.oid = t.tgfoid
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace join pg_catalog.pg_class c on c.oid = t.tgrelid
    where n.nspname = source and c.relnamespace <> n.oid and not t.tgisinternal and t.tgparentid = 0
      and p.proname in ('tg_add_job_with_row_id', 'tg_add_job_with_row', 'trigger_job_with_fields')
    order by t.oid
  loop
    execute format('drop trigger %I on %s', r.tgname, r.on_table);
    execute replace(r.definition, format(' EXECUTE FUNCTION %I.%I(', source, r.proname), format(' EXECUTE FUNCTION app_jobs.%I(', r.proname));
    execute format('alter table %s %s trigger %I', r.on_table, case r.tgenabled when 'D' then 'disable' when 'R' then 'enable replica'
      when 'A' then 'enable always' else 'enable' end, r.tgname);
    triggers := triggers + 1;
  end loop;
end $$;
comment on function :schema.import_database_schedules(text) is
  'Takes over the schedules of @pgpm/database-jobs, whose schema has been renamed to `source`, into app_jobs, and points triggers of other tables at the functions of ours. Schedules that could never fire stay, and are named with the reason.';
