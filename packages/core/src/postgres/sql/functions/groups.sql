-- Exact group limits. `groups.active` counts the group's jobs that are ready or executing, less what group_wakes says has been given
-- up; only a job with a place among them is in the ready index, so a full group costs everybody else nothing. Places are given under
-- the group's row lock, by the claims.
--
-- Giving places first takes a shared advisory lock, which set_group_limit takes exclusively, so that a limit never changes between
-- reading it and giving places by it. Whoever holds it shared waits for nothing: rows in use are skipped.

create or replace function :schema.group_lock() returns bigint language sql immutable as $$
  select hashtextextended(':channel', 4907)
$$;

-- Gives up one place for each entry of p_groups; the next claim offers it to the next in line.
create or replace function :schema.leave_groups(p_groups text[]) returns void language sql as $$
  insert into :schema.group_wakes (group_key, places) select g.key, count(*) from unnest(p_groups) g(key) group by g.key
$$;

-- Gives places in groups that gained waiting jobs or free places since the last call. Returns whether some were left, because another
-- worker was just serving them; it may not see yet what woke us.
create or replace function :schema.serve_group_wakes() returns boolean language plpgsql as $$
declare
  v_wake record;
  v_active integer;
  v_limit integer;
  v_room integer;
  v_admitted integer;
  v_is_left boolean := false;
begin
  perform pg_advisory_xact_lock_shared(:schema.group_lock());
  for v_wake in
    select w.group_key, array_agg(w.id) as ids, sum(w.places)::integer as places from (
      select o.id, o.group_key, o.places from :schema.group_wakes o order by o.id limit 1000 for update skip locked
    ) w group by w.group_key order by w.group_key
  loop
    select g.active, coalesce(g.max_active, s.group_limit) into v_active, v_limit
      from :schema.groups g, :schema.settings s where g.group_key = v_wake.group_key for update of g skip locked;
    if not found then
      -- New, or in use.
      insert into :schema.groups (group_key, active, max_active)
        values (v_wake.group_key, 0, case when :schema.is_queue(v_wake.group_key) then 1 end) on conflict do nothing;
      select g.active, coalesce(g.max_active, s.group_limit) into v_active, v_limit
        from :schema.groups g, :schema.settings s where g.group_key = v_wake.group_key for update of g skip locked;
    end if;
    if not found then
      v_is_left := true;
      continue;
    end if;
    delete from :schema.group_wakes w where w.id = any (v_wake.ids);
    v_active := greatest(v_active - v_wake.places, 0);
    v_room := least(coalesce(v_limit, 1000000) - v_active, 1000);
    v_admitted := 0;
    if v_room > 0 then
      with a as (
        update :schema.jobs j set lane = 'r', ready_seq = nextval(':schema.job_ids')
        where j.id = any (array(
          select w.id from :schema.jobs w where w.lane = 'g' and w.group_key = v_wake.group_key
          order by w.priority desc, w.ready_seq limit v_room for update skip locked))
        returning 1
      )
      select count(*) into v_admitted from a;
    end if;
    update :schema.groups g set active = v_active + v_admitted where g.group_key = v_wake.group_key and g.active <> v_active + v_admitted;
    -- More room than one call gives.
    if v_admitted = 1000 and v_room = 1000 then insert into :schema.group_wakes (group_key) values (v_wake.group_key); end if;
  end loop;
  return v_is_left;
end $$;

-- Makes the smallest limit among live workers hold. A worker lives until it is rescued: one that is late may still beat, and go on
-- claiming, without this being called. A lower limit takes unstarted jobs back out of the ready index; a higher one
-- wakes every group.
create or replace function :schema.set_group_limit(p_now timestamptz) returns void language plpgsql as $$
declare
  v_limit integer;
  v_old integer;
begin
  select min(w.group_concurrency) into v_limit from :schema.workers w;
  select s.group_limit into v_old from :schema.settings s;
  if v_limit is not distinct from v_old then return; end if;
  perform pg_advisory_xact_lock(:schema.group_lock());
  select min(w.group_concurrency) into v_limit from :schema.workers w;
  select s.group_limit into v_old from :schema.settings s for update;
  update :schema.settings set group_limit = v_limit;
  if v_limit is not null and (v_old is null or v_limit < v_old) then
    with back as (
      update :schema.jobs j set lane = 'g' where j.id = any (array(
        select r.id from :schema.jobs r where r.lane = 'r' and r.group_key is not null and not :schema.is_queue(r.group_key)
        for update skip locked))
      returning j.group_key
    ), counted as (
      select b.group_key, count(*)::integer as places from back b group by b.group_key
    )
    update :schema.groups g set active = greatest(g.active - c.places, 0) from counted c where g.group_key = c.group_key;
  end if;
  insert into :schema.group_wakes (group_key)
    select g.group_key from :schema.groups g
    where exists (select from :schema.jobs j where j.lane = 'g' and j.group_key = g.group_key);
end $$;
