-- Takes over what waits and what has failed in the table of DataQueue, one batch a call: rows leave it in the statement that adds their
-- jobs here, so that a call that is broken off, repeated or made beside working workers moves each job once. Rows are read as JSON, since
-- versions differ in their columns. What runs, waits for a token or a time, or is tied to others by dependencies stays with its workers.
--   source     the table
--   take_held  also rows that are said to run: their workers are gone. The attempt is used up
--   batch      at most how many rows
-- Returns how many became live jobs, how many dead letters, and how many went because a job here has their key already; all 0: there is
-- nothing left.
-- Locks: rows of the source, skipping what others hold; then as import_jobs.
create or replace function :schema.import_dataqueue(
  source text default 'job_queue', take_held boolean default false, batch integer default 1000,
  out moved integer, out dead integer, out same_key integer
) language plpgsql as $$
declare
  v_table regclass := :schema.import_table(source, 'id', 'job_type', 'next_attempt_at');
  v_tied text := 'false';
  v_last bigint;
  v_rows jsonb;
  v_jobs jsonb;
begin
  if :schema.has_column(v_table, 'depends_on_job_ids') then
    v_tied := format('q.depends_on_job_ids is not null or q.depends_on_tags is not null or exists (select from %s o
      where o.status in (''pending'', ''failed'', ''processing'', ''waiting'')
        and (q.id = any (o.depends_on_job_ids) or q.tags && o.depends_on_tags))', v_table);
  end if;
  execute format($q$
    with due as (
      select q.id from %1$s q
      where (q.status in ('pending', 'failed') or (q.status = 'processing' and $1)) and not (%2$s)
      order by q.id limit $2 for update skip locked
    ), gone as (
      delete from %1$s q using due where q.id = due.id returning q.id, to_jsonb(q) as j
    )
    select jsonb_agg(g.j order by g.id), (select max(q.id) from %1$s q) from gone g $q$, v_table, v_tied)
    using take_held, batch into v_rows, v_last;

  select coalesce(jsonb_agg(r.value order by r.n), '[]'), jsonb_array_length(v_rows) - count(r.value) into v_rows, same_key
    from jsonb_array_elements(v_rows) with ordinality r(value, n)
    where not exists (select from :schema.job_keys k where r.value ->> 'idempotency_key' is not null
      and k.key_hash = :schema.key_hash(null, r.value ->> 'idempotency_key'));
  same_key := coalesce(same_key, 0);
  select coalesce(jsonb_agg(:schema.dataqueue_job(r.value) order by r.n), '[]') into v_jobs
    from jsonb_array_elements(v_rows) with ordinality r(value, n);
  select m.moved, m.dead into moved, dead from :schema.import_rows('dataqueue ' || :schema.full_name(v_table), v_last, v_jobs) m;
end $$;
comment on function :schema.import_dataqueue(text, boolean, integer) is
  'Takes over a batch of what waits or has failed in the job_queue of @nicnocquee/dataqueue; its rows go. Repeat it until it answers 0 three times. Workers of both may be running; with `take_held` those of DataQueue are gone, and what they held runs again.';

-- What import_jobs takes of a row of job_queue, under its own id.
create or replace function :schema.dataqueue_job(j jsonb) returns jsonb language sql stable as $$
  select jsonb_build_object('row', jsonb_strip_nulls(jsonb_build_object(
      'id', j -> 'id', 'ready_seq', j -> 'id', 'job_type', j -> 'job_type', 'priority', coalesce((j ->> 'priority')::integer, 0),
      'created_at', x.created_at, 'run_at', x.run_at, 'attempts', x.attempts, 'max_attempts', x.max_attempts,
      'crashes', 0, 'unmet', 0, 'log_dropped', 0, 'rich', false, 'force_kill', coalesce((j ->> 'force_kill_on_timeout')::boolean, false),
      'lane', case when x.is_dead then 'x' when x.due_at is not null then 't' when x.group_key is not null then 'g' else 'r' end,
      'status', case when x.is_dead then 'f' end, 'due_at', case when not x.is_dead then x.due_at end,
      'next_attempt_at', case when not x.is_dead and x.is_retry then x.due_at end,
      'finished_at', case when x.is_dead then coalesce(j ->> 'last_failed_at', j ->> 'updated_at', x.created_at::text) end,
      'last_failed_at', j -> 'last_failed_at', 'last_retried_at', j -> 'last_retried_at', 'started_at', j -> 'started_at',
      'failure_reason', case when x.is_held then 'worker_lost' else j ->> 'failure_reason' end,
      'timeout_ms', j -> 'timeout_ms', 'idempotency_key', j -> 'idempotency_key', 'retry_delay', j -> 'retry_delay',
      'retry_backoff', j -> 'retry_backoff', 'retry_delay_max', j -> 'retry_delay_max', 'dead_letter_job_type', j -> 'dead_letter_job_type',
      'dead_letter_job_id', j -> 'dead_letter_job_id', 'dead_lettered_at', j -> 'dead_lettered_at',
      'group_key', x.group_key, 'group_tier', case when x.group_key is not null then j ->> 'group_tier' end))
    || :schema.imported_values(j -> 'payload', x.log) || jsonb_build_object('tags', j -> 'tags'))
    || case when j ->> 'idempotency_key' is not null then '{"holds_key": true}' else '{}' end::jsonb
  from (
    select a.*, a.status in ('failed', 'processing') and a.attempts >= a.max_attempts or a.status = 'failed' and not a.is_retry as is_dead,
      case when a.is_retry then greatest(a.again_at, a.created_at) when a.run_at > clock_timestamp() then a.run_at end as due_at
    from (
      select j ->> 'status' as status, j ->> 'status' = 'processing' as is_held, (j ->> 'created_at')::timestamptz as created_at,
        coalesce(j ->> 'run_at', j ->> 'created_at')::timestamptz as run_at, (j ->> 'next_attempt_at')::timestamptz as again_at,
        -- A retry by hand gives a job an attempt though all are used up.
        (j ->> 'attempts')::integer as attempts, greatest((j ->> 'max_attempts')::integer,
          case when j ->> 'status' = 'pending' then (j ->> 'attempts')::integer + 1 end) as max_attempts,
        j ->> 'status' = 'failed' and j ->> 'next_attempt_at' is not null
          and (j ->> 'attempts')::integer < (j ->> 'max_attempts')::integer as is_retry,
        :schema.group_key(null, j ->> 'group_id', null) as group_key,
        :schema.imported_errors(j -> 'error_history', 'timestamp') as log
    ) a
  ) x
$$;

-- The table `source`, as the caller may name it, if it has these columns.
create or replace function :schema.import_table(source text, variadic p_columns text[]) returns regclass language plpgsql stable as $$
declare
  v_table regclass := to_regclass(source);
  v_column text;
begin
  if v_table is null then
    raise exception 'There is no table %.', source using errcode = '42P01', hint = 'Name it with its schema, as in public.job_queue.';
  end if;
  foreach v_column in array p_columns loop
    if not :schema.has_column(v_table, v_column) then
      raise exception 'Table % has no column %: it is not what is to be imported.', v_table, v_column using errcode = '42703';
    end if;
  end loop;
  return v_table;
end $$;

create or replace function :schema.has_column(p_table regclass, p_column text) returns boolean language sql stable as $$
  select exists (select from pg_catalog.pg_attribute a where a.attrelid = p_table and a.attname = p_column and not a.attisdropped)
$$;

-- With its schema, whatever the search path is: it names the source for ever.
create or replace function :schema.full_name(p_table regclass) returns text language sql stable as $$
  select n.nspname || '.' || c.relname from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.oid = p_table
$$;

-- Past failures as attempts of a trail, the last 100 of them.
create or replace function :schema.imported_errors(p_errors jsonb, p_time text) returns jsonb language sql stable as $$
  select jsonb_agg(jsonb_build_object('kind', 'attempt', 'outcome', 'failed', 'attempt', e.n, 'claimedAt', e.value -> p_time,
      'at', e.value -> p_time, 'reason', 'handler_error',
      'error', jsonb_build_object('name', 'Error', 'message', coalesce(e.value ->> 'message', ''), 'reason', 'handler_error',
        'attempt', e.n, 'timestamp', e.value -> p_time)) order by e.n)
  from jsonb_array_elements(case when jsonb_typeof(p_errors) = 'array' then p_errors else '[]' end) with ordinality e(value, n)
  where e.n > jsonb_array_length(p_errors) - 100
$$;

-- What must keep the nulls in it. A payload that is null is left out, as import_jobs has it.
create or replace function :schema.imported_values(p_payload jsonb, p_log jsonb) returns jsonb language sql immutable as $$
  select jsonb_build_object('log', p_log) || case when p_payload = 'null' then '{}' else jsonb_build_object('payload', p_payload) end
$$;

-- Adds what has just left a source, in the form of import_jobs under the ids that it had there, and counts what has come: all of it, or
-- nothing changes.
--   p_last  the highest id that the source still has
create or replace function :schema.import_rows(p_source text, p_last bigint, p_jobs jsonb, out moved integer, out dead integer)
language plpgsql as $$
declare
  v_ids bigint[];
  v_ranges jsonb;
  v_taken integer;
  v_imported integer;
begin
  moved := 0;
  dead := 0;
  if p_jobs = '[]' then return; end if;
  select array_agg((j.value -> 'row' ->> 'id')::bigint order by j.n) into v_ids from jsonb_array_elements(p_jobs) with ordinality j(value, n);
  v_ranges := :schema.begin_import(p_source, 1, greatest(p_last, v_ids[cardinality(v_ids)]));
  select jsonb_agg(jsonb_set(j.value, '{row}', (j.value -> 'row') || jsonb_build_object('id', s.id, 'ready_seq', s.id)) order by j.n)
    into p_jobs
    from jsonb_array_elements(p_jobs) with ordinality j(value, n)
    cross join lateral (
      select v_ids[j.n] + (r.value ->> 'shift')::bigint as id from jsonb_array_elements(v_ranges) r
      where v_ids[j.n] between (r.value ->> 'from')::bigint and (r.value ->> 'to')::bigint
    ) s;
  select i.imported, i.keys_taken into v_imported, v_taken from :schema.import_jobs(p_source, v_ids, p_jobs) i;
  if v_taken > 0 then
    raise exception 'a key was taken while jobs with it were moved; nothing has changed' using errcode = '40001', hint = 'Try again.';
  end if;
  if v_imported <> cardinality(v_ids) then
    raise exception 'of % jobs that left %, % came; nothing has changed', cardinality(v_ids), p_source, v_imported using errcode = '55000',
      hint = 'Jobs with the ids of the others were imported before from a table of this name. Rename the table.';
  end if;
  select count(*) filter (where j.value -> 'row' ->> 'status' = 'f'), count(*) filter (where j.value -> 'row' ->> 'status' is null)
    into dead, moved from jsonb_array_elements(p_jobs) j;
  if moved > 0 and exists (select from :schema.workers w where w.sleeping and w.expires_at > clock_timestamp()) then
    perform pg_notify(':channel', 'r');
  end if;
end $$;
