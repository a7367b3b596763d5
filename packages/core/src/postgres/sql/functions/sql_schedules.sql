-- Schedules in plain SQL, by name. SQL checks a cron expression and cannot read it: now stands for its first time and has been dealt with,
-- and whoever fires schedules, any processor or supervisor, moves on from there.

-- Adds a schedule. Returns its id.
create or replace function :schema.add_schedule(
  name text, job_type text, cron text default null, every interval default null, payload jsonb default '{}', timezone text default 'UTC',
  tenant_id text default null, priority integer default 0, max_attempts integer default 3, queue text default null,
  group_id text default null, tags text[] default null, timeout_ms bigint default null, starts_at timestamptz default null,
  ends_at timestamptz default null, allow_overlap boolean default false, catch_up text default 'one'
) returns bigint language plpgsql as $$
declare
  v_now timestamptz := date_trunc('milliseconds', clock_timestamp());
  v_first timestamptz := date_trunc('milliseconds', greatest(add_schedule.starts_at, v_now));
  v_every_ms bigint := floor(extract(epoch from every) * 1000);
  v_job jsonb := jsonb_strip_nulls(jsonb_build_object('job_type', add_schedule.job_type, 'priority', nullif(add_schedule.priority, 0),
      'max_attempts', add_schedule.max_attempts, 'queue', queue, 'group_id', group_id, 'tags', add_schedule.tags,
      'timeout_ms', add_schedule.timeout_ms, 'tenant_id', add_schedule.tenant_id))
    || jsonb_build_object('payload', coalesce(add_schedule.payload, 'null'));
  v_rule jsonb;
  v_id bigint;
begin
  if coalesce(add_schedule.name, '') = '' or length(add_schedule.name) > 255 then
    raise exception '`name` must be a text of 1 to 255 characters' using errcode = '22023';
  end if;
  if (cron is null) = (every is null) then
    raise exception 'either `cron` or `every` must be given' using errcode = '22023';
  end if;
  if v_every_ms not between 100 and 315360000000 then
    raise exception '`every` must be between 100 milliseconds and ten years, not %', every using errcode = '22023';
  end if;
  if not exists (select from pg_catalog.pg_timezone_names z where z.name = add_schedule.timezone) then
    raise exception '`timezone` must be an IANA name, not %', coalesce(add_schedule.timezone, 'null') using errcode = '22023';
  end if;
  if add_schedule.ends_at < v_first then
    raise exception '`ends_at` must be later than now and than `starts_at`, not %', add_schedule.ends_at using errcode = '22023';
  end if;
  if add_schedule.catch_up is null or add_schedule.catch_up not in ('skip', 'one', 'all')
      or (add_schedule.catch_up = 'all' and not coalesce(add_schedule.allow_overlap, false)) then
    raise exception '`catch_up` must be skip, one, or with `allow_overlap` all' using errcode = '22023';
  end if;
  perform :schema.check_tenant(add_schedule.tenant_id);
  perform :schema.refuse_faulty_job(jsonb_build_array(v_job)) where :schema.has_faulty_job(jsonb_build_array(v_job));
  if cron is not null then
    v_rule := jsonb_build_object('kind', 'cron', 'expression', :schema.checked_cron(cron), 'timezone', add_schedule.timezone, 'from_sql', true);
  else
    v_rule := jsonb_build_object('kind', 'every', 'everyMs', v_every_ms, 'anchorMs', floor(extract(epoch from v_first) * 1000));
    if v_first = v_now then v_first := v_first + v_every_ms * interval '1 millisecond'; end if;
  end if;
  v_id := :schema.add_schedule(jsonb_build_object('name', add_schedule.name, 'tenant_id', add_schedule.tenant_id, 'owner', null, 'rule', v_rule,
    'timezone', add_schedule.timezone, 'starts_at', add_schedule.starts_at, 'ends_at', add_schedule.ends_at,
    'allow_overlap', coalesce(add_schedule.allow_overlap, false), 'catch_up', left(add_schedule.catch_up, 1), 'catch_up_limit', 100,
    'grace_ms', 10000, 'jitter_ms', 0, 'once_per', null, 'job', v_job, 'next_run_at', case when cron is null then v_first else v_now end));
  if v_id is null then
    raise exception 'a schedule has the name % already', add_schedule.name using errcode = '23505',
      hint = 'Remove it first: remove_schedule.';
  end if;
  if cron is not null then perform :schema.note_tick(v_id, v_now); end if;
  return v_id;
end $$;
comment on function :schema.add_schedule(text, text, text, interval, jsonb, text, text, integer, integer, text, text, text[], bigint, timestamptz,
  timestamptz, boolean, text) is
  'Adds a job again and again: by `cron`, five fields or six with seconds first, in `timezone`, or `every` so long. Any running processor or supervisor fires it, each tick once. Ticks that nobody was there for are made up by `one` job, by `all` or by none (`skip`); while its last job is unended none is added, unless `allow_overlap`. Answers its id.';

-- Notes that the tick at p_at has been dealt with, so that it adds no job.
create or replace function :schema.note_tick(p_id bigint, p_at timestamptz) returns void language sql volatile as $$
  insert into :schema.schedule_ticks (schedule_id, tick_at, outcome, job_id, fired_at) values (p_id, p_at, 'u', null, p_at)
  on conflict do nothing
$$;

-- The expression, if it is one that whoever fires schedules can read.
create or replace function :schema.checked_cron(p_cron text) returns text language plpgsql immutable as $$
declare
  v_fields text[] := regexp_split_to_array(btrim(p_cron), '\s+');
begin
  if btrim(p_cron) ~* '^@(yearly|annually|monthly|weekly|daily|hourly)$' then return btrim(p_cron); end if;
  if cardinality(v_fields) not in (5, 6) then
    raise exception '% is no cron expression: it has five fields, or six with seconds first', p_cron using errcode = '22023';
  end if;
  perform :schema.check_cron(case when cardinality(v_fields) = 5 then '{0}'::text[] else '{}' end || v_fields);
  return array_to_string(v_fields, ' ');
end $$;

-- Refuses what is no field of a cron expression: second, minute, hour, date, month, day of the week.
create or replace function :schema.check_cron(p_fields text[]) returns void language plpgsql immutable as $$
declare
  v_low integer[] := '{0,0,0,1,1,0}';
  v_high integer[] := '{59,59,23,31,12,7}';
  v_text text;
begin
  for v_at in 1 .. 6 loop
    v_text := upper(p_fields[v_at]);
    if v_at = 5 then v_text := regexp_replace(v_text, 'JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC', '1', 'g'); end if;
    if v_at = 6 then v_text := regexp_replace(v_text, 'SUN|MON|TUE|WED|THU|FRI|SAT', '1', 'g'); end if;
    if v_text !~ '^((\*|\d{1,2}(-\d{1,2})?)(/\d{1,2})?)(,(\*|\d{1,2}(-\d{1,2})?)(/\d{1,2})?)*$' and not (v_at in (4, 6) and v_text in ('?', 'L'))
      or exists (select from regexp_matches(regexp_replace(v_text, '/0*[1-9]\d*', '', 'g'), '\d+', 'g') m
        where m[1]::integer not between v_low[v_at] and v_high[v_at])
      or v_text ~ '/0+(\D|$)' then
      raise exception '% is no field of a cron expression', p_fields[v_at] using errcode = '22023';
    end if;
  end loop;
end $$;

-- Locks of these: the schedule's row.
create or replace function :schema.pause_schedule(name text, tenant_id text default null) returns boolean language plpgsql as $$
begin
  update :schema.schedules s set status = 'p', revision = s.revision + 1, updated_at = clock_timestamp()
    where s.name = pause_schedule.name and coalesce(s.tenant_id, '') = coalesce(pause_schedule.tenant_id, '') and s.status = 'a';
  return found;
end $$;
comment on function :schema.pause_schedule(text, text) is
  'Has a schedule add no more jobs until it is resumed. False: there is none of this name, or it is paused.';

create or replace function :schema.resume_schedule(name text, tenant_id text default null) returns boolean language plpgsql as $$
declare
  v_now timestamptz := date_trunc('milliseconds', clock_timestamp());
  v_id bigint;
  v_is_cron boolean;
begin
  update :schema.schedules s set status = 'a', revision = s.revision + 1, updated_at = v_now,
      rule = s.rule || case when s.rule ->> 'kind' = 'cron' then '{"from_sql": true}' else '{}' end::jsonb,
      next_run_at = case when s.rule ->> 'kind' = 'cron' then v_now
        else to_timestamp((s.rule ->> 'anchorMs')::numeric / 1000) + interval '1 millisecond' * (s.rule ->> 'everyMs')::bigint
          * greatest(floor((extract(epoch from v_now) * 1000 - (s.rule ->> 'anchorMs')::bigint) / (s.rule ->> 'everyMs')::bigint) + 1, 0) end
    where s.name = resume_schedule.name and coalesce(s.tenant_id, '') = coalesce(resume_schedule.tenant_id, '') and s.status = 'p'
    returning s.id, s.rule ->> 'kind' = 'cron' into v_id, v_is_cron;
  if v_id is null then return false; end if;
  if v_is_cron then perform :schema.note_tick(v_id, v_now); end if;
  perform pg_notify(':channel', 's');
  return true;
end $$;
comment on function :schema.resume_schedule(text, text) is
  'Has a paused schedule go on; what came due meanwhile is not made up. False: there is none of this name, or it is not paused.';

create or replace function :schema.remove_schedule(name text, tenant_id text default null) returns boolean language plpgsql as $$
begin
  delete from :schema.schedules s
    where s.name = remove_schedule.name and coalesce(s.tenant_id, '') = coalesce(remove_schedule.tenant_id, '');
  return found;
end $$;
comment on function :schema.remove_schedule(text, text) is
  'Removes a schedule; jobs that it has added stay. False: there is none of this name.';

create or replace function :schema.run_schedule(name text, tenant_id text default null) returns bigint language sql volatile as $$
  select (:schema.run_schedule(s.id) ->> 'job')::bigint from :schema.schedules s
  where s.name = run_schedule.name and coalesce(s.tenant_id, '') = coalesce(run_schedule.tenant_id, '')
$$;
comment on function :schema.run_schedule(text, text) is
  'Adds the job of a schedule now, paused or not, whatever runs already, and answers its id. Null: there is none of this name.';
