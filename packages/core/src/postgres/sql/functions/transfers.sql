-- Moving jobs between instances: what is written here comes from another one, of whatever store, in the form of model/portable.ts.

create or replace function :schema.instance_id() returns text language plpgsql as $$
begin
  update :schema.settings s set instance_id = gen_random_uuid() where s.instance_id is null;
  return (select s.instance_id::text from :schema.settings s);
end $$;

-- Sets p_first to p_last aside, as they are where nothing of this instance can have them, else moved up. Returns by how much.
-- Owner's rights: the app's role may draw from sequences, not set them.
-- Locks: the row of settings.
create or replace function :schema.reserve_ids(p_first bigint, p_last bigint) returns bigint language plpgsql
security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_drawn bigint;
  v_shift bigint := 0;
  -- What others draw between the two statements stays below.
  v_gap constant bigint := 1000000;
begin
  perform from :schema.settings s for update;
  select case when i.is_called then i.last_value else 0 end into v_drawn from :schema.job_ids i;
  if v_drawn > 0 and v_drawn + v_gap >= p_first then v_shift := v_drawn + v_gap + 1 - p_first; end if;
  perform setval(':schema.job_ids', p_last + v_shift);
  return v_shift;
end $$;

-- Returns the ranges of a source, with one more for what was not known of it before.
-- Locks: the source's row, the row of settings.
create or replace function :schema.begin_import(p_source text, p_first bigint, p_last bigint) returns jsonb language plpgsql as $$
declare
  v_ranges jsonb;
  v_first bigint;
begin
  insert into :schema.transfers (source, ranges) values (p_source, '[]') on conflict do nothing;
  select t.ranges into v_ranges from :schema.transfers t where t.source = p_source for update;
  v_first := greatest(p_first, coalesce((v_ranges -> -1 ->> 'to')::bigint, 0) + 1);
  if p_first > 0 and p_last >= v_first then
    v_ranges := v_ranges || jsonb_build_object('from', v_first, 'to', p_last, 'shift', :schema.reserve_ids(v_first, p_last));
    update :schema.transfers t set ranges = v_ranges where t.source = p_source;
  end if;
  return v_ranges;
end $$;

-- Adds jobs that were never imported from this source.
--   p_ids   their ids there, ascending
--   p_jobs  of each {row: columns of its table, waits_for?, barrier?, holds_key?, key_scope?, key_until?, schedule_tenant?, steps?, signals?, tokens?}; row has the
--           id that the job is to have, and `status` k, f or c if it has ended
-- Returns how many were added, and how many keys somebody else has.
-- Locks: the source's row, group rows in the order of keys.
create or replace function :schema.import_jobs(p_source text, p_ids bigint[], p_jobs jsonb, out imported integer, out keys_taken integer)
language plpgsql as $$
declare
  v_known int8multirange;
  v_back bigint[];
  -- A payload that is null is left out of its row, where it would be none.
  v_job :schema.jobs;
  v_finished :schema.finished_jobs;
  v_failed :schema.failed_jobs;
begin
  perform from :schema.transfers t where t.source = p_source for update;
  select range_agg(r) into v_known from :schema.transfer_lots l cross join lateral unnest(l.ids) r
    where l.source = p_source and l.last_id >= p_ids[1] and l.first_id <= p_ids[cardinality(p_ids)];
  select coalesce(jsonb_agg(j.value order by j.n), '[]'), count(*) into p_jobs, imported
    from jsonb_array_elements(p_jobs) with ordinality j(value, n) where v_known is null or not p_ids[j.n] <@ v_known;
  keys_taken := 0;
  if imported = 0 then return; end if;
  insert into :schema.transfer_lots (source, first_id, last_id, ids)
    select p_source, p_ids[1], p_ids[cardinality(p_ids)], range_agg(int8range(i.id, i.id, '[]')) from unnest(p_ids) i(id)
    where v_known is null or not i.id <@ v_known;

  v_job.payload := 'null';
  v_finished.payload := 'null';
  v_failed.payload := 'null';
  p_jobs := :schema.with_schedules(p_jobs);
  v_back := :schema.take_places(p_jobs);
  insert into :schema.jobs select r.* from jsonb_array_elements(p_jobs) j(value)
    cross join lateral jsonb_populate_record(v_job, j.value -> 'row'
      || case when (j.value -> 'row' ->> 'id')::bigint <> all (v_back) then '{}'::jsonb
        when j.value -> 'row' ->> 'lane' = 'r' then '{"lane": "g", "holds_place": null}' else '{"holds_place": null}' end) r
    where j.value -> 'row' ->> 'status' is null;
  insert into :schema.finished_jobs select r.* from jsonb_array_elements(p_jobs) j(value)
    cross join lateral jsonb_populate_record(v_finished, (j.value -> 'row') - 'status') r
    where j.value -> 'row' ->> 'status' = 'k';
  insert into :schema.failed_jobs select r.* from jsonb_array_elements(p_jobs) j(value)
    cross join lateral jsonb_populate_record(v_failed, j.value -> 'row') r
    where j.value -> 'row' ->> 'status' in ('f', 'c');
  insert into :schema.group_wakes (group_key)
    select distinct j.value -> 'row' ->> 'group_key' from jsonb_array_elements(p_jobs) j(value)
    where j.value -> 'row' ->> 'lane' = 'g' or (j.value -> 'row' ->> 'id')::bigint = any (v_back);

  insert into :schema.job_dependencies (on_job_id, job_id, watch)
    select distinct o.value::bigint, (j.value -> 'row' ->> 'id')::bigint, false
    from jsonb_array_elements(p_jobs) j(value) cross join lateral jsonb_array_elements_text(j.value -> 'waits_for') o(value)
    where j.value ? 'waits_for';
  insert into :schema.tag_barriers (job_id, first_tag, tags, tenant_id)
    select r.id, r.depends_on_tags[1], r.depends_on_tags, r.tenant_id from jsonb_array_elements(p_jobs) j(value)
    cross join lateral jsonb_to_record(j.value -> 'row') as r(id bigint, depends_on_tags text[], tenant_id text)
    where j.value ? 'barrier';
  with k as (
    select distinct on (k.key_hash) k.* from (
      select :schema.job_key_hash(j.value -> 'row' || jsonb_build_object('key_scope', c.scope,
          'queue', :schema.queue_name(j.value -> 'row' ->> 'group_key', j.value -> 'row' ->> 'tenant_id'))) as key_hash,
        (j.value -> 'row' ->> 'id')::bigint as job_id, left(c.scope, 1)::"char" as scope,
        (j.value ->> 'key_until')::timestamptz as taken_until
      from jsonb_array_elements(p_jobs) j(value)
      cross join lateral (select substring(j.value ->> 'key_scope' from '^(?:type|queue|all)$') as scope) c
      where j.value ? 'holds_key'
    ) k order by k.key_hash
  ), i as (
    insert into :schema.job_keys (key_hash, job_id, scope, taken_until) select k.key_hash, k.job_id, k.scope, k.taken_until from k on conflict do nothing returning 1
  )
  select (select count(*) from k) - (select count(*) from i) into keys_taken;
  perform :schema.import_memory(p_jobs);
end $$;

-- Takes places in their groups for jobs that had one. Returns those for which there is none.
create or replace function :schema.take_places(p_jobs jsonb) returns bigint[] language plpgsql as $$
declare
  v_group record;
  v_room integer;
  v_back bigint[] := '{}';
begin
  perform pg_advisory_xact_lock_shared(:schema.group_lock());
  for v_group in
    select r.group_key, array_agg(r.id order by r.ready_seq) as ids
    from jsonb_array_elements(p_jobs) j(value)
    cross join lateral jsonb_to_record(j.value -> 'row') as r(id bigint, ready_seq bigint, lane text, holds_place boolean, group_key text,
      status text)
    where r.group_key is not null and r.status is null and (r.lane = 'r' or r.holds_place)
    group by r.group_key order by r.group_key
  loop
    insert into :schema.groups (group_key, active, max_active)
      values (v_group.group_key, 0, case when :schema.is_queue(v_group.group_key) then 1 end) on conflict do nothing;
    select greatest(least(coalesce(g.max_active, s.group_limit, 1000000) - g.active, cardinality(v_group.ids)), 0) into v_room
      from :schema.groups g, :schema.settings s where g.group_key = v_group.group_key for update of g;
    update :schema.groups g set active = g.active + v_room where g.group_key = v_group.group_key;
    v_back := v_back || v_group.ids[v_room + 1 :];
  end loop;
  return v_back;
end $$;

-- The same jobs with the schedules that this instance has under their names; of one that it has not, a number that is no schedule's.
-- Notes their ticks, which nothing else may add a job for.
create or replace function :schema.with_schedules(p_jobs jsonb) returns jsonb language plpgsql as $$
begin
  if not jsonb_path_exists(p_jobs, '$[*].row.schedule') then return p_jobs; end if;
  p_jobs := (
    select jsonb_agg(case when s.id is null then j.value
        else jsonb_set(j.value, '{row,schedule,id}', to_jsonb(s.id)) end order by j.n)
    from jsonb_array_elements(p_jobs) with ordinality j(value, n)
    left join lateral (
      select coalesce((select s.id from :schema.schedules s
        where s.name = j.value -> 'row' -> 'schedule' ->> 'name' and coalesce(s.tenant_id, '') = coalesce(j.value ->> 'schedule_tenant', '')),
        -abs((j.value -> 'row' -> 'schedule' ->> 'id')::bigint)) as id
    ) s on j.value -> 'row' ? 'schedule');
  insert into :schema.schedule_ticks (schedule_id, tick_at, outcome, job_id, fired_at)
    select (j.value -> 'row' -> 'schedule' ->> 'id')::bigint, (j.value -> 'row' -> 'schedule' ->> 'tick')::timestamptz,
      case when j.value -> 'row' -> 'schedule' ? 'manual' then 'r' else 'j' end::"char", (j.value -> 'row' ->> 'id')::bigint,
      (j.value -> 'row' ->> 'created_at')::timestamptz
    from jsonb_array_elements(p_jobs) j(value)
    where (j.value -> 'row' -> 'schedule' ->> 'id')::bigint > 0
    on conflict do nothing;
  return p_jobs;
end $$;

-- Steps, signals and tokens of imported jobs. The places of steps are below all that will be drawn here.
create or replace function :schema.import_memory(p_jobs jsonb) returns void language plpgsql as $$
begin
  insert into :schema.job_steps (job_id, seq, ended_seq, token, attempt, tries, kind, status, rich, timed_out, started_at, ended_at,
      wait_until, key, awaited, filter, result, error)
    select (j.value -> 'row' ->> 'id')::bigint, s.seq - 1000000, s.ended_seq - 1000000, 0, s.attempt, s.tries, s.kind, s.status, s.rich,
      s.timed_out, s.started_at, s.ended_at, s.wait_until, s.key, s.awaited, x.value -> 'filter', x.value -> 'result', x.value -> 'error'
    from jsonb_array_elements(p_jobs) j(value)
    cross join lateral jsonb_array_elements(j.value -> 'steps') x(value)
    cross join lateral jsonb_populate_record(null:::schema.job_steps, x.value - 'filter' - 'result' - 'error') s
    where j.value ? 'steps';
  insert into :schema.job_signals (job_id, created_at, rich, name, data)
    select (j.value -> 'row' ->> 'id')::bigint, clock_timestamp(), (s.value ->> 'rich')::boolean, s.value ->> 'name', s.value -> 'data'
    from jsonb_array_elements(p_jobs) with ordinality j(value, n)
    cross join lateral jsonb_array_elements(j.value -> 'signals') with ordinality s(value, n)
    where j.value ? 'signals' order by j.n, s.n;
  perform :schema.import_tokens(j.value -> 'tokens', (j.value -> 'row' ->> 'id')::bigint)
    from jsonb_array_elements(p_jobs) j(value) where j.value ? 'tokens';
end $$;

-- Adds tokens that are not there. Returns how many.
create or replace function :schema.import_tokens(p_tokens jsonb, p_job bigint) returns integer language plpgsql as $$
declare
  v_count integer;
begin
  insert into :schema.tokens (id, job_id, created_at, timeout_at, completed_at, status, rich, output, tags)
    select t.id, p_job, t.created_at, t.timeout_at, t.completed_at, t.status, t.rich, x.value -> 'output', t.tags
    from jsonb_array_elements(p_tokens) x(value)
    cross join lateral jsonb_populate_record(null:::schema.tokens, x.value - 'output') t on conflict do nothing;
  get diagnostics v_count = row_count;
  return v_count;
end $$;

-- Adds schedules whose names are free. Returns how many.
create or replace function :schema.import_schedules(p_schedules jsonb) returns integer language plpgsql as $$
declare
  v_count integer;
begin
  insert into :schema.schedules (name, tenant_id, owner, status, revision, rule, timezone, starts_at, ends_at, allow_overlap, catch_up,
      catch_up_limit, grace_ms, jitter_ms, once_per, job, next_run_at, last_tick_at, last_period, last_enqueued_at, last_job_id,
      created_at, updated_at)
    select s.name, s.tenant_id, s.owner, s.status, 1, s.rule, s.timezone, s.starts_at, s.ends_at, s.allow_overlap, s.catch_up,
      s.catch_up_limit, s.grace_ms, s.jitter_ms, s.once_per, s.job, s.next_run_at, s.last_tick_at,
      case when s.once_per is not null and s.last_tick_at is not null
        then :schema.schedule_period(s.once_per, s.timezone, s.last_tick_at) end,
      s.last_enqueued_at, s.last_job_id, s.created_at, clock_timestamp()
    from jsonb_populate_recordset(null:::schema.schedules, p_schedules) s
    on conflict do nothing;
  get diagnostics v_count = row_count;
  perform pg_notify(':channel', 's') where v_count > 0;
  return v_count;
end $$;

-- Has the next node look at what jobs from p_first to p_last wait for.
create or replace function :schema.end_import(p_first bigint, p_last bigint) returns void language sql as $$
  insert into :schema.dependency_wakes (kind, job_id, patient)
    select 'c', j.id, true from :schema.jobs j where j.id between p_first and p_last and j.unmet > 0
      and exists (select from :schema.job_dependencies d where d.job_id = j.id);
  insert into :schema.dependency_wakes (kind, job_id)
    select 'b', b.job_id from :schema.tag_barriers b where b.job_id between p_first and p_last;
$$;
