-- Pausing. Nothing is looked through when a pause begins: a claim that meets a paused job takes it out of the ready index, into lane p,
-- so that a million of them at the head cost each claim a bounded part, once. The same is done by lot when the pause ends.
--
-- A paused job keeps its place in its group where nothing of the group could use it, and where order is the promise (queues); with a
-- pause by type it gives its place to jobs of other types.
--
-- Why no job is left behind. A claim parks under a pause whose row it holds for key share, which neither pausing nor resuming waits
-- for. The row of a pause that is over goes only under a lock that excludes those, by a statement that sees all they parked.

-- Whether a pause covers a job of this type, group and tenant.
create or replace function :schema.pause_covers(p :schema.pauses, p_job_type text, p_group_key text, p_tenant text) returns boolean
language sql immutable as $$
  select (p.job_type is null or p.job_type = p_job_type) and (p.group_key is null or p.group_key is not distinct from p_group_key)
    and (p.tenant_id is null or p.tenant_id is not distinct from p_tenant)
$$;

create or replace function :schema.is_in_force(p :schema.pauses, p_now timestamptz) returns boolean language sql immutable as $$
  select p.resumed_at is null and (p.paused_until is null or p.paused_until > p_now)
$$;

-- Parks those of p_ids, ready jobs that the caller has locked, which are paused. Returns the others, in the same order.
-- Locks: pauses' rows (for key share, skip locked).
create or replace function :schema.park_paused(p_ids bigint[], p_now timestamptz) returns bigint[] language plpgsql as $$
declare
  v_ids bigint[];
  v_keepers bigint[];
  v_parked bigint[];
  v_left text[];
begin
  if not exists (
    select from :schema.jobs j join :schema.pauses p on :schema.pause_covers(p, j.job_type, j.group_key, j.tenant_id)
    where j.id = any (p_ids) and :schema.is_in_force(p, p_now)
  ) then
    return p_ids;
  end if;
  with f as materialized (
    select p.* from :schema.pauses p where :schema.is_in_force(p, p_now) for key share skip locked
  ), m as materialized (
    -- Under one that covers the whole group, if there is one.
    select distinct on (j.id) j.id, j.ready_seq, f.id as pause_id,
      j.group_key is not null and (f.job_type is null or :schema.is_queue(j.group_key)) as keeps_place
    from :schema.jobs j join f on (f.job_type is null or f.job_type = j.job_type) and (f.group_key is null or f.group_key = j.group_key)
      and (f.tenant_id is null or f.tenant_id = j.tenant_id)
    where j.id = any (p_ids) and j.lane = 'r'
    order by j.id, f.job_type is not null, f.id
  ), i as (
    insert into :schema.paused_jobs (pause_id, ready_seq, job_id) select m.pause_id, m.ready_seq, m.id from m on conflict do nothing
  )
  select array_agg(m.id), array_agg(m.id) filter (where m.keeps_place) into v_ids, v_keepers from m;
  -- By ids and not by a join: with the statistics of a table that was empty before, that looked at each job for each.
  with u as (
    update :schema.jobs j set lane = 'p', holds_place = case when j.id = any (v_keepers) then true end where j.id = any (v_ids)
    returning j.id, case when j.holds_place is null then j.group_key end as left_group
  )
  select array_agg(u.id), array_agg(u.left_group) filter (where u.left_group is not null) into v_parked, v_left from u;
  if v_left is not null then perform :schema.leave_groups(v_left); end if;
  if v_parked is null then return p_ids; end if;
  return array(select i.id from unnest(p_ids) with ordinality i(id, n) where i.id <> all (v_parked) order by i.n);
end $$;

-- The claim p_ids without what is paused, filled up with what comes after it. Clears the head of the ready index of at most 5,000
-- paused jobs.
--   is_more   whether there is more to clear: it may be worth coming back at once
--   is_held   whether jobs on their last attempt were left for want of a slot
-- Locks: pauses' rows, ready rows (skip locked).
create or replace function :schema.pass_over_paused(
  p_ids bigint[], p_limit integer, p_slots integer, p_types text[], p_versions jsonb, p_now timestamptz,
  out ids bigint[], out is_more boolean, out is_held boolean
) language plpgsql as $$
declare
  v_found bigint[];
  v_kept bigint[];
begin
  ids := :schema.park_paused(p_ids, p_now);
  is_more := cardinality(ids) < cardinality(p_ids);
  is_held := false;
  if not is_more then return; end if;
  for v_round in 1 .. 5 loop
    perform :schema.park_head(p_now);
    v_found := array(
      select j.id from :schema.jobs j
      where j.lane = 'r' and (p_types is null or j.job_type = any (p_types))
        and (j.handler_version is null or p_versions -> j.job_type @> to_jsonb(j.handler_version)) and j.id <> all (ids)
      order by j.priority desc, j.ready_seq limit p_limit - cardinality(ids) for update skip locked);
    v_kept := :schema.park_paused(v_found, p_now);
    ids := ids || v_kept;
    is_more := cardinality(v_kept) < cardinality(v_found);
    exit when not is_more or cardinality(ids) >= p_limit;
  end loop;
  v_kept := coalesce(:schema.keep_lasts(ids, p_slots), '{}');
  is_held := cardinality(v_kept) < cardinality(ids);
  ids := v_kept;
end $$;

-- Parks what is paused among the next 1,000 ready jobs.
create or replace function :schema.park_head(p_now timestamptz) returns void language plpgsql as $$
begin
  perform :schema.park_paused(array(
    select j.id from :schema.jobs j where j.lane = 'r' and j.id = any (array(
      select h.id from (select r.* from :schema.jobs r where r.lane = 'r' order by r.priority desc, r.ready_seq limit 1000) h
      where exists (select from :schema.pauses p
        where :schema.is_in_force(p, p_now) and :schema.pause_covers(p, h.job_type, h.group_key, h.tenant_id))))
    for update skip locked), p_now);
end $$;

-- Gives back the jobs of pauses that are over, oldest first, at most 2,000 a call. Returns whether more are left.
-- Locks: rows of paused_jobs, job rows, pauses' rows; all skip locked.
create or replace function :schema.release_paused(p_now timestamptz) returns boolean language plpgsql as $$
declare
  v_pause bigint;
  v_room integer := 2000;
  v_seen integer;
  v_gone integer;
  v_groups text[];
  v_ready integer[];
begin
  for v_pause in select p.id from :schema.pauses p where not :schema.is_in_force(p, p_now) order by p.id loop
    if v_room <= 0 then return true; end if;
    with c as materialized (
      select q.ready_seq, q.job_id from :schema.paused_jobs q where q.pause_id = v_pause order by q.ready_seq limit v_room
      for update skip locked
    ), l as materialized (
      select j.id from :schema.jobs j where j.id = any (array(select c.job_id from c)) and j.lane = 'p' for update skip locked
    ), d as (
      -- What somebody else holds stays for the next call.
      delete from :schema.paused_jobs q using c
      where q.pause_id = v_pause and q.ready_seq = c.ready_seq and q.job_id = c.job_id
        and (c.job_id = any (array(select l.id from l))
          or not exists (select from :schema.jobs j where j.id = c.job_id and j.lane = 'p'))
      returning 1
    ), u as (
      update :schema.jobs j set
        lane = case when j.group_key is null or j.holds_place then 'r' else 'g' end::"char", holds_place = null,
        -- Back to where it was; in a group that went on without it, to where it was added.
        ready_seq = case when j.group_key is null or j.holds_place then j.ready_seq else j.id end
      where j.id = any (array(select l.id from l))
      returning j.lane, j.group_key, j.priority
    )
    select (select count(*) from c), (select count(*) from d), array_agg(distinct u.group_key) filter (where u.lane = 'g'),
        array_agg(distinct u.priority)
      into v_seen, v_gone, v_groups, v_ready from u;
    v_room := v_room - v_seen;
    if v_groups is not null then insert into :schema.group_wakes (group_key) select g from unnest(v_groups) g; end if;
    if v_ready is not null then perform :schema.offer_released(v_ready, p_now); end if;
    if v_seen = v_gone and v_room > 0 and not :schema.has_old_snapshot() then
      perform from :schema.pauses p where p.id = v_pause and not :schema.is_in_force(p, p_now) for update skip locked;
      if found then
        delete from :schema.pauses p where p.id = v_pause
          and not exists (select from :schema.paused_jobs q where q.pause_id = p.id);
      end if;
    end if;
  end loop;
  return v_room <= 0;
end $$;

-- Pauses that hold now, oldest first.
create or replace function :schema.list_pauses() returns table (
  job_type text, queue text, group_id text, tenant_id text, reason text, paused_by text, paused_at timestamptz, paused_until timestamptz
) language sql stable as $$
  select p.job_type, :schema.queue_name(p.group_key, p.tenant_id), :schema.group_id(p.group_key, p.tenant_id), p.tenant_id, p.reason,
    p.paused_by, p.paused_at, p.paused_until
  from :schema.pauses p where :schema.is_in_force(p, clock_timestamp()) order by p.id
$$;
comment on function :schema.list_pauses() is 'What is paused now, oldest first: which jobs, why, by whom, since and until when.';

create or replace function :schema.pause_jobs(
  job_type text default null, queue text default null, group_id text default null, tenant_id text default null,
  reason text default null, paused_by text default null, paused_until timestamptz default null
) returns boolean language plpgsql as $$
#variable_conflict use_column
declare
  v_now timestamptz := clock_timestamp();
  v_group text := :schema.pause_group(queue, group_id, tenant_id);
  v_new boolean;
begin
  if pause_jobs.paused_until <= v_now then
    raise exception '`paused_until` must be in the future, not %', pause_jobs.paused_until using errcode = '22023',
      hint = 'Leave it out to pause until resume_jobs.';
  end if;
  v_new := not exists (select from :schema.pauses p where coalesce(p.job_type, '') = coalesce(pause_jobs.job_type, '')
    and coalesce(p.group_key, '') = coalesce(v_group, '') and coalesce(p.tenant_id, '') = coalesce(pause_jobs.tenant_id, '')
    and :schema.is_in_force(p, v_now));
  insert into :schema.pauses as p (job_type, group_key, tenant_id, reason, paused_by, paused_at, paused_until)
    values (pause_jobs.job_type, v_group, pause_jobs.tenant_id, pause_jobs.reason, pause_jobs.paused_by, v_now, pause_jobs.paused_until)
    on conflict (coalesce(job_type, ''), coalesce(group_key, ''), coalesce(tenant_id, '')) do update set
      reason = excluded.reason, paused_by = excluded.paused_by, paused_until = excluded.paused_until, resumed_at = null,
      paused_at = case when :schema.is_in_force(p, v_now) then p.paused_at else v_now end;
  return v_new;
end $$;
comment on function :schema.pause_jobs(text, text, text, text, text, text, timestamptz) is
  'Pauses the jobs that have this type, queue or group, and tenant; with none of them given, all. No claim made after the commit takes one; what runs already runs on. A queue or group without `tenant_id` is that of jobs without tenant. True: it was not paused before; else reason, name and end are replaced.';

create or replace function :schema.resume_jobs(
  job_type text default null, queue text default null, group_id text default null, tenant_id text default null
) returns boolean language plpgsql as $$
#variable_conflict use_column
declare
  v_now timestamptz := clock_timestamp();
  v_group text := :schema.pause_group(queue, group_id, tenant_id);
begin
  update :schema.pauses p set resumed_at = v_now
    where coalesce(p.job_type, '') = coalesce(resume_jobs.job_type, '') and coalesce(p.group_key, '') = coalesce(v_group, '')
      and coalesce(p.tenant_id, '') = coalesce(resume_jobs.tenant_id, '') and :schema.is_in_force(p, v_now);
  if not found then return false; end if;
  perform :schema.release_paused(v_now);
  -- Also those who are to give back the rest.
  perform pg_notify(':channel', 'r');
  return true;
end $$;
comment on function :schema.resume_jobs(text, text, text, text) is
  'Ends the pause that was made with the same values. Its jobs are ready again in the order they had; of very many, workers give back the rest in the background. False: there was no such pause.';

-- The key of the queue or group that a pause names.
create or replace function :schema.pause_group(p_queue text, p_group text, p_tenant text) returns text language plpgsql immutable as $$
begin
  if p_queue is not null and p_group is not null then
    raise exception '`queue` must be left out beside `group_id`: a job is in a queue or in a group' using errcode = '22023';
  end if;
  if p_queue is null and p_group is null then return null; end if;
  return :schema.group_key(p_tenant, p_group, p_queue);
end $$;
