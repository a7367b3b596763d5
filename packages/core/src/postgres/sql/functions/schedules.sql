-- Schedules. SQL cannot read a cron expression: the client works out ticks, the database's clock decides what is due, and a
-- compare-and-set on the next tick decides who adds its job. A definition is one json object with the columns' names.

-- Adds a schedule. Returns its id; null when the tenant has one of this name.
create or replace function :schema.add_schedule(p_schedule jsonb) returns bigint language plpgsql as $$
declare
  v_now timestamptz := clock_timestamp();
  v_id bigint;
begin
  insert into :schema.schedules (name, tenant_id, owner, status, revision, rule, timezone, starts_at, ends_at, allow_overlap, catch_up,
      catch_up_limit, grace_ms, jitter_ms, once_per, job, next_run_at, created_at, updated_at)
    select s.name, s.tenant_id, s.owner, 'a', 1, s.rule, s.timezone, s.starts_at, s.ends_at, s.allow_overlap, s.catch_up,
      s.catch_up_limit, s.grace_ms, s.jitter_ms, s.once_per, s.job, s.next_run_at, v_now, v_now
    from jsonb_to_record(p_schedule) as s(name text, tenant_id text, owner text, rule jsonb, timezone text, starts_at timestamptz,
      ends_at timestamptz, allow_overlap boolean, catch_up "char", catch_up_limit integer, grace_ms bigint, jitter_ms bigint,
      once_per text, job jsonb, next_run_at timestamptz)
    -- A zone that only the client knows is refused now, not when the first tick is due.
    where s.once_per is null or :schema.schedule_period(s.once_per, s.timezone, v_now) is not null
    on conflict do nothing
    returning id into v_id;
  perform pg_notify(':channel', 's') where v_id is not null;
  return v_id;
end $$;

-- Replaces the definition of a schedule, unless somebody edited it since p_revision was read. p_schedule as for add_schedule; its name,
-- tenant and owner stay. Without next_run_at the next tick stays too. Returns whether it was replaced.
-- Locks: the schedule's row.
create or replace function :schema.edit_schedule(p_id bigint, p_revision bigint, p_schedule jsonb) returns boolean language plpgsql as $$
begin
  update :schema.schedules s set
    revision = s.revision + 1, rule = n.rule, timezone = n.timezone, starts_at = n.starts_at, ends_at = n.ends_at,
    allow_overlap = n.allow_overlap, catch_up = n.catch_up, catch_up_limit = n.catch_up_limit, grace_ms = n.grace_ms,
    jitter_ms = n.jitter_ms, once_per = n.once_per, job = n.job,
    next_run_at = case when p_schedule ? 'next_run_at' then n.next_run_at else s.next_run_at end, updated_at = clock_timestamp()
  from jsonb_to_record(p_schedule) as n(rule jsonb, timezone text, starts_at timestamptz, ends_at timestamptz, allow_overlap boolean,
    catch_up "char", catch_up_limit integer, grace_ms bigint, jitter_ms bigint, once_per text, job jsonb, next_run_at timestamptz)
  where s.id = p_id and s.revision = p_revision
    and (n.once_per is null or :schema.schedule_period(n.once_per, n.timezone, clock_timestamp()) is not null);
  if not found then return false; end if;
  perform pg_notify(':channel', 's');
  return true;
end $$;

-- Pauses (p), or resumes (a) with p_next as the next tick: what came due meanwhile is not made up. Returns whether anything changed.
-- Locks: the schedule's row.
create or replace function :schema.set_schedule_status(p_id bigint, p_revision bigint, p_status "char", p_next timestamptz)
returns boolean language plpgsql as $$
begin
  update :schema.schedules s set status = p_status, revision = s.revision + 1, updated_at = clock_timestamp(),
      next_run_at = case when p_status = 'a' then p_next else s.next_run_at end
    where s.id = p_id and s.revision = p_revision and s.status <> p_status;
  if not found then return false; end if;
  perform pg_notify(':channel', 's') where p_status = 'a';
  return true;
end $$;

-- The period of a time in a zone's calendar.
create or replace function :schema.schedule_period(p_once_per text, p_timezone text, p_at timestamptz) returns timestamp
language sql stable as $$
  select date_trunc(p_once_per, p_at at time zone p_timezone)
$$;

-- The job of one tick, as add_jobs takes it. With a nonce (0: no batch is ever looked up by it), since it was checked when it was stored.
create or replace function :schema.schedule_job(s :schema.schedules, p_id bigint, p_tick timestamptz, p_now timestamptz, p_manual boolean)
returns jsonb language sql volatile as $$
  select s.job || jsonb_build_object('id', p_id, 'schedule', jsonb_build_object('id', s.id, 'name', s.name,
      'tick', to_char(p_tick at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
      || case when p_manual then '{"manual": true}'::jsonb else '{}'::jsonb end)
    || case when s.jitter_ms > 0 and not p_manual
      then jsonb_build_object('run_at', p_now + floor(random() * s.jitter_ms) * interval '1 millisecond') else '{}'::jsonb end
$$;

-- Deals with due ticks: adds their jobs, or notes why not, and moves each schedule on, all at once.
--   p_fires  array of {id, revision, at, ticks: [time], missed, next}: at is the next_run_at that was read, ticks what is to be
--            fired of the times that are due (ascending), missed whether others were left out, next the tick after them
-- An entry whose schedule was fired, edited or paused since it was read has no effect; one that somebody else is firing is left.
-- Returns the jobs added, {job, type} each; how many schedules were moved on; and the milliseconds until the next schedule is due.
-- Locks: schedule rows, skip locked.
create or replace function :schema.fire_schedules(p_fires jsonb, out added jsonb, out moved integer, out next_due_ms double precision)
language plpgsql as $$
declare
  v_now timestamptz := clock_timestamp();
  v_limit text := set_config('lock_timeout', '20s', true);
  f record;
  s :schema.schedules;
  v_tick timestamptz;
  v_period timestamp;
  v_outcome "char";
  v_id bigint;
  v_is_free boolean;
  v_jobs jsonb := '[]';
begin
  added := '[]';
  moved := 0;
  for f in
    select x.* from jsonb_to_recordset(p_fires) as x(id bigint, revision bigint, at timestamptz, ticks timestamptz[], missed boolean,
      next timestamptz) order by x.id
  loop
    select * into s from :schema.schedules c
      where c.id = f.id and c.revision = f.revision and c.next_run_at = f.at and c.status = 'a' and c.next_run_at <= v_now
      for update skip locked;
    continue when not found;
    moved := moved + 1;
    v_is_free := s.allow_overlap or not exists (select from :schema.jobs j where j.id = s.last_job_id);
    if f.missed then
      s.last_skipped_at := v_now;
      s.last_skip := 'm';
    end if;
    foreach v_tick in array coalesce(f.ticks, '{}') loop
      v_period := case when s.once_per is not null then :schema.schedule_period(s.once_per, s.timezone, v_tick) end;
      v_outcome := case when v_period <= s.last_period then 'p' when not v_is_free then 'o' else 'j' end;
      v_id := case when v_outcome = 'j' then nextval(':schema.job_ids') end;
      insert into :schema.schedule_ticks (schedule_id, tick_at, outcome, job_id, fired_at)
        values (s.id, v_tick, v_outcome, v_id, v_now) on conflict do nothing;
      -- Dealt with before the database's clock was set back.
      continue when not found;
      s.last_tick_at := greatest(s.last_tick_at, v_tick);
      if v_outcome <> 'j' then
        s.last_skipped_at := v_now;
        s.last_skip := v_outcome;
        continue;
      end if;
      v_is_free := s.allow_overlap;
      v_jobs := v_jobs || :schema.schedule_job(s, v_id, v_tick, v_now, false);
      added := added || jsonb_build_object('job', v_id, 'type', s.job -> 'job_type');
      s.last_job_id := v_id;
      s.last_enqueued_at := v_now;
      s.last_period := coalesce(v_period, s.last_period);
    end loop;
    update :schema.schedules c set next_run_at = f.next, last_tick_at = s.last_tick_at, last_period = s.last_period,
      last_enqueued_at = s.last_enqueued_at, last_job_id = s.last_job_id, last_skipped_at = s.last_skipped_at, last_skip = s.last_skip,
      updated_at = v_now where c.id = s.id;
  end loop;
  if v_jobs <> '[]' then perform :schema.add_jobs(v_jobs, 0, true); end if;
  next_due_ms := :schema.schedules_due_ms(clock_timestamp());
end $$;

-- Milliseconds until the next tick of any active schedule, negative when it is overdue; null when there is none.
create or replace function :schema.schedules_due_ms(p_now timestamptz) returns double precision language sql stable as $$
  select extract(epoch from s.next_run_at - p_now) * 1000 from :schema.schedules s
  where s.status = 'a' and s.next_run_at is not null order by s.next_run_at limit 1
$$;

-- Adds the job of a schedule now, paused or not, whatever runs already. It counts as the job of its period. Returns its id and type;
-- null when there is no such schedule.
-- Locks: the schedule's row.
create or replace function :schema.run_schedule(p_id bigint) returns jsonb language plpgsql as $$
declare
  v_now timestamptz;
  s :schema.schedules;
  v_id bigint;
  v_tick timestamptz;
begin
  select * into s from :schema.schedules c where c.id = p_id for update;
  if not found then return null; end if;
  v_now := clock_timestamp();
  v_id := nextval(':schema.job_ids');
  -- Ticks are whole milliseconds, so one that is not takes nobody's place.
  v_tick := date_trunc('milliseconds', v_now) + interval '1 microsecond';
  loop
    insert into :schema.schedule_ticks (schedule_id, tick_at, outcome, job_id, fired_at) values (s.id, v_tick, 'r', v_id, v_now)
      on conflict do nothing;
    exit when found;
    v_tick := v_tick + interval '1 millisecond';
  end loop;
  perform :schema.add_jobs(jsonb_build_array(:schema.schedule_job(s, v_id, v_tick, v_now, true)), 0, true);
  update :schema.schedules c set last_job_id = v_id, last_enqueued_at = v_now, updated_at = v_now,
    last_period = case when s.once_per is null then c.last_period
      else greatest(c.last_period, :schema.schedule_period(s.once_per, s.timezone, v_now)) end
    where c.id = s.id;
  return jsonb_build_object('job', v_id, 'type', s.job -> 'job_type');
end $$;

-- Moves a schedule on by one tick without a job, unless it has moved or was edited since it was read. Returns whether it did.
-- Locks: the schedule's row.
create or replace function :schema.skip_schedule(p_id bigint, p_revision bigint, p_at timestamptz, p_next timestamptz) returns boolean
language plpgsql as $$
declare
  v_now timestamptz := clock_timestamp();
begin
  update :schema.schedules s set next_run_at = p_next, last_tick_at = greatest(s.last_tick_at, p_at), last_skipped_at = v_now,
      last_skip = 'u', updated_at = v_now
    where s.id = p_id and s.revision = p_revision and s.next_run_at = p_at;
  if not found then return false; end if;
  insert into :schema.schedule_ticks (schedule_id, tick_at, outcome, job_id, fired_at) values (p_id, p_at, 'u', null, v_now)
    on conflict do nothing;
  return true;
end $$;

-- Makes the schedules of one owner those that it declares: adds, edits and removes. A pause made at run time stays. A schedule of the
-- same name that nobody owns is taken over; one of another owner is refused.
--   p_declared  array of definitions as for add_schedule; next_run_at is used for a new one, and for one whose times changed
-- Returns {added, edited, removed, refused}: names. With any refused, nothing was changed.
-- Locks: schedule rows in the order of tenant and name; a name that is being added elsewhere is waited for.
create or replace function :schema.reconcile_schedules(p_owner text, p_declared jsonb) returns jsonb language plpgsql as $$
declare
  v_now timestamptz := clock_timestamp();
  d record;
  s :schema.schedules;
  v_added text[] := '{}';
  v_edited text[] := '{}';
  v_removed text[];
  v_refused text[];
  v_id bigint;
begin
  -- All names in one order, as every other reconciliation takes them.
  perform from :schema.schedules c where c.owner = p_owner
      or exists (select from jsonb_to_recordset(p_declared) as n(name text, tenant_id text)
        where n.name = c.name and n.tenant_id is not distinct from c.tenant_id)
    order by coalesce(c.tenant_id, ''), c.name for update;
  for d in
    select n.value as definition, n.value ->> 'name' as name, n.value ->> 'tenant_id' as tenant_id
    from jsonb_array_elements(p_declared) n order by coalesce(n.value ->> 'tenant_id', ''), n.value ->> 'name'
  loop
    v_id := :schema.add_schedule(d.definition || jsonb_build_object('owner', p_owner));
    if v_id is not null then
      v_added := v_added || d.name;
      continue;
    end if;
    select * into s from :schema.schedules c where c.name = d.name and c.tenant_id is not distinct from d.tenant_id for update;
    if s.owner <> p_owner then
      v_refused := v_refused || d.name;
      continue;
    end if;
    continue when s.owner = p_owner and :schema.is_same_schedule(s, d.definition, true);
    perform :schema.edit_schedule(s.id, s.revision, case
      when :schema.is_same_schedule(s, d.definition, false) then d.definition - 'next_run_at' || jsonb_build_object('rule', s.rule)
      else d.definition end);
    update :schema.schedules c set owner = p_owner where c.id = s.id;
    v_edited := v_edited || d.name;
  end loop;
  if v_refused is not null then
    -- Undone by the caller, who raises: what this transaction added must not stay.
    raise exception using errcode = 'MR001', message = array_to_string(v_refused, ', ');
  end if;
  with gone as (
    delete from :schema.schedules c where c.owner = p_owner
      and not exists (select from jsonb_to_recordset(p_declared) as n(name text, tenant_id text)
        where n.name = c.name and n.tenant_id is not distinct from c.tenant_id)
    returning c.name
  )
  select array_agg(g.name order by g.name) into v_removed from gone g;
  return jsonb_build_object('added', v_added, 'edited', v_edited, 'removed', coalesce(v_removed, '{}'));
end $$;

-- Whether a schedule already is what a definition says: its times, and with p_all everything else too.
create or replace function :schema.is_same_schedule(s :schema.schedules, p_definition jsonb, p_all boolean) returns boolean
language sql stable as $$
  select (s.rule - 'anchorMs', s.starts_at, s.ends_at) is not distinct from (d.rule - 'anchorMs', d.starts_at, d.ends_at)
    and (not p_all or (s.timezone, s.allow_overlap, s.catch_up, s.catch_up_limit, s.grace_ms, s.jitter_ms, s.once_per, s.job)
      is not distinct from (d.timezone, d.allow_overlap, d.catch_up, d.catch_up_limit, d.grace_ms, d.jitter_ms, d.once_per, d.job))
  from jsonb_to_record(p_definition) as d(rule jsonb, timezone text, starts_at timestamptz, ends_at timestamptz, allow_overlap boolean,
    catch_up "char", catch_up_limit integer, grace_ms bigint, jitter_ms bigint, once_per text, job jsonb)
$$;

-- Keeps the latest 1,000 ticks of each schedule.
create or replace function :schema.forget_ticks() returns void language sql as $$
  delete from :schema.schedule_ticks t using (
    select o.schedule_id, o.tick_at, row_number() over (partition by o.schedule_id order by o.tick_at desc) as n
    from :schema.schedule_ticks o
  ) o where o.n > 1000 and t.schedule_id = o.schedule_id and t.tick_at = o.tick_at
$$;

-- What must never be stored of schedules; part of check_invariants.
create or replace function :schema.check_schedules() returns table (invariant text, detail text) language sql stable as $$
  select 'two jobs of one tick', format('schedule %s, tick %s: jobs %s', x.schedule ->> 'id', x.schedule ->> 'tick', array_agg(x.id))
    from (
      select j.id, j.schedule from :schema.jobs j where j.schedule is not null
      union all select f.id, f.schedule from :schema.failed_jobs f where f.schedule is not null
      union all select f.id, f.schedule from :schema.finished_jobs f where f.schedule is not null
    ) x group by x.schedule ->> 'id', x.schedule ->> 'tick' having count(*) > 1
  union all
  select 'a schedule that would repeat a tick', format('schedule %s, tick %s', s.id, s.next_run_at)
    from :schema.schedules s join :schema.schedule_ticks t on t.schedule_id = s.id and t.tick_at = s.next_run_at
    -- One of app_jobs or of SQL begins with a time that is none (see sql_schedules.sql).
    where not (t.outcome = 'u' and s.rule ?| array['info', 'from_sql'])
  union all
  select 'a tick that disagrees with its outcome', format('schedule %s, tick %s, outcome %s', t.schedule_id, t.tick_at, t.outcome)
    from :schema.schedule_ticks t
    where t.outcome not in ('j', 'r', 'o', 'm', 'p', 'u') or (t.outcome in ('j', 'r')) <> (t.job_id is not null)
  union all
  select 'an impossible schedule', format('schedule %s', s.id) from :schema.schedules s
    where s.status not in ('a', 'p') or s.catch_up not in ('s', 'o', 'a') or (s.catch_up = 'a' and not s.allow_overlap)
      or s.catch_up_limit < 1 or s.next_run_at > s.ends_at or (s.next_run_at < s.starts_at and not s.rule ?| array['info', 'from_sql'])
  union all
  select 'an impossible handler version', format('job %s, version %s', j.id, j.handler_version)
    from :schema.jobs j where j.handler_version < 1
  union all
  select 'an impossible trace', format('job %s, of %s characters', j.id, length(j.trace))
    from :schema.jobs j where length(j.trace) not between 1 and 1000
$$;
