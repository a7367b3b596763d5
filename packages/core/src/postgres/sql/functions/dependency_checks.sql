-- What adders and settlers could not tell by themselves, looked at by any node. Why that is needed, and the rules of locking, are in
-- dependencies.sql.

-- What is stored of each id: l live, k completed, f failed for good, c cancelled; null when nothing is. One statement, so that a job on
-- its way from one table to another is seen in exactly one.
create or replace function :schema.job_states(p_ids bigint[]) returns table (id bigint, state "char") language sql stable as $$
  select i.id, coalesce(
    (select 'l'::"char" from :schema.jobs j where j.id = i.id),
    (select 'k'::"char" from :schema.finished_jobs f where f.id = i.id limit 1),
    (select f.status from :schema.failed_jobs f where f.id = i.id))
  from unnest(p_ids) i(id)
$$;

-- Looks whether prerequisites have ended that nobody may have told these dependents of. One that is not stored any more was completed
-- and cleaned up: it existed when the dependent was added, and what has not completed is kept while somebody waits for it (delete_failed).
--   p_patient  leave those that have failed: the dependent was retried knowing it
create or replace function :schema.check_prerequisites(p_jobs bigint[], p_ons bigint[], p_patient boolean, p_now timestamptz) returns void
language plpgsql as $$
declare
  v_live bigint[];
  v_rest bigint[];
  v_done bigint[];
  v_failed bigint[];
  v_busy bigint[];
begin
  perform :schema.use_dependency_indexes();
  v_live := array(
    select j.id from :schema.jobs j where j.id = any (array(select distinct o.id from unnest(p_ons) o(id))) order by j.id
    for key share skip locked);
  v_rest := array(select distinct o.id from unnest(p_ons) o(id) where o.id <> all (v_live));
  if cardinality(v_rest) = 0 then return; end if;
  select array_agg(s.id) filter (where s.state = 'k' or s.state is null),
      array_agg(s.id) filter (where s.state in ('f', 'c')), array_agg(s.id) filter (where s.state = 'l')
    into v_done, v_failed, v_busy from :schema.job_states(v_rest) s;
  if v_busy is not null then
    -- Whoever has the row may be ending it.
    insert into :schema.dependency_wakes (kind, job_id, from_id, to_id, patient)
      select 'c', e.job_id, e.on_id, e.on_id, p_patient from unnest(p_jobs, p_ons) e(job_id, on_id) where e.on_id = any (v_busy);
  end if;
  if v_done is not null then perform :schema.tell_dependents(v_done, v_done, 'k', p_now); end if;
  if v_failed is not null and not p_patient then perform :schema.tell_dependents(v_failed, v_failed, 'f', p_now); end if;
end $$;

-- Whether p_job waits, over whatever detour, for p_for.
create or replace function :schema.waits_for(p_job bigint, p_for bigint) returns boolean language sql stable as $$
  with recursive up(id) as (
    select p_job union select d.on_job_id from up join :schema.job_dependencies d on d.job_id = up.id
  )
  select exists (select from up where up.id = p_for)
$$;

-- Opens tag barriers that no live job closes any more; the others get a job to watch, the newest, which is likely to end last. A job
-- that itself waits for the one behind the barrier does not close it: else both would wait for ever.
create or replace function :schema.check_barriers(p_jobs bigint[], p_now timestamptz) returns void language plpgsql as $$
declare
  v_job record;
  v_blocker bigint;
  v_bitmaps text := current_setting('enable_bitmapscan');
  v_settings text;
  v_waiting bigint;
begin
  -- The index on tags is read by bitmaps only.
  v_settings := set_config('enable_bitmapscan', 'on', true);
  for v_job in
    select j.id, j.depends_on_tags, j.tenant_id, j.run_at, j.priority, j.group_key from :schema.jobs j
    where j.id = any (p_jobs) and j.lane = 'd' and j.unmet = 1 and j.depends_on_tags is not null order by j.id for update skip locked
  loop
    p_jobs := array_remove(p_jobs, v_job.id);
    v_blocker := null;
    if v_job.run_at <= p_now then
      select max(x.id) into v_blocker from (
        select b.id, b.unmet from :schema.jobs b where b.tags @> v_job.depends_on_tags
          and b.tenant_id is not distinct from v_job.tenant_id offset 0
      ) x where x.id <> v_job.id and x.unmet = 0;
      if v_blocker is null then
        for v_waiting in
          select x.id from (
            select b.id from :schema.jobs b where b.tags @> v_job.depends_on_tags
              and b.tenant_id is not distinct from v_job.tenant_id offset 0
          ) x where x.id <> v_job.id order by x.id desc
        loop
          if not :schema.waits_for(v_waiting, v_job.id) then
            v_blocker := v_waiting;
            exit;
          end if;
        end loop;
      end if;
    end if;
    delete from :schema.job_dependencies d where d.job_id = v_job.id and d.watch and d.on_job_id is distinct from v_blocker;
    if v_job.run_at > p_now then
      update :schema.jobs j set lane = 't', due_at = j.run_at where j.id = v_job.id;
    elsif v_blocker is null then
      delete from :schema.tag_barriers b where b.job_id = v_job.id;
      update :schema.jobs j set unmet = 0, lane = case when j.group_key is null then 'r' else 'g' end::"char",
        ready_seq = nextval(':schema.job_ids') where j.id = v_job.id;
      if v_job.group_key is not null then insert into :schema.group_wakes (group_key) values (v_job.group_key); end if;
      perform :schema.offer_released(array[v_job.priority], p_now);
    else
      -- As in a check of prerequisites: only a row that nobody is ending can be watched.
      perform from :schema.jobs j where j.id = v_blocker for key share skip locked;
      if found then
        insert into :schema.job_dependencies (on_job_id, job_id, watch) values (v_blocker, v_job.id, true) on conflict do nothing;
      else
        insert into :schema.dependency_wakes (kind, job_id) values ('b', v_job.id);
      end if;
    end if;
  end loop;
  v_settings := set_config('enable_bitmapscan', v_bitmaps, true);
  -- Somebody has the row; what is no longer blocked by its barrier alone is not looked at.
  insert into :schema.dependency_wakes (kind, job_id)
    select 'b', j.id from :schema.jobs j
    where j.id = any (p_jobs) and j.lane = 'd' and j.unmet = 1 and j.depends_on_tags is not null;
end $$;

-- Looks at what adders and settlers have left: about 1,000 dependencies a call, one node at a time. Returns whether more is left.
create or replace function :schema.serve_dependencies(p_now timestamptz) returns boolean language plpgsql as $$
declare
  v_taken jsonb;
  v_ends record;
  v_checks record;
  v_last bigint;
  v_last_on bigint;
  v_barriers bigint[];
  v_is_old boolean := :schema.has_old_snapshot();
begin
  if not pg_try_advisory_xact_lock(:schema.dependency_lock()) then return true; end if;
  perform :schema.use_dependency_indexes();
  with taken as (
    delete from :schema.dependency_wakes w where w.id = any (array(
      select o.id from :schema.dependency_wakes o
      -- What this transaction itself has noted because its snapshot is old is for a later one.
      where not v_is_old or o.xmin <> pg_current_xact_id()::xid
      order by o.id limit 1000)) returning w.*
  )
  select jsonb_agg(to_jsonb(t) order by t.id) into v_taken from taken t;
  if v_taken is null then return v_is_old and exists (select from :schema.dependency_wakes); end if;

  -- Ends of one job in the order in which they happened: a second one waits for the next call.
  insert into :schema.dependency_wakes (kind, job_id, outcome, root_id)
    select 'e', w.job_id, w.outcome, w.root_id from (
      select t.*, row_number() over (partition by t.job_id order by t.id) as n
      from jsonb_to_recordset(v_taken) as t(id bigint, kind "char", job_id bigint, outcome "char", root_id bigint) where t.kind = 'e'
    ) w where w.n > 1 order by w.id;
  for v_ends in
    select w.outcome, array_agg(w.job_id) as ids, array_agg(w.root_id) as roots from (
      select distinct on (t.job_id) t.job_id, t.outcome, t.root_id
      from jsonb_to_recordset(v_taken) as t(id bigint, kind "char", job_id bigint, outcome "char", root_id bigint) where t.kind = 'e'
      order by t.job_id, t.id
    ) w group by w.outcome
  loop
    perform :schema.tell_dependents(v_ends.ids, v_ends.roots, v_ends.outcome, p_now);
  end loop;

  for v_checks in
    select e.patient, array_agg(e.job_id order by e.id, e.on_job_id) as jobs,
      array_agg(e.on_job_id order by e.id, e.on_job_id) as ons, max(e.id) as last_id
    from (
      select t.id, t.patient, d.job_id, d.on_job_id
      from jsonb_to_recordset(v_taken) as t(id bigint, kind "char", job_id bigint, from_id bigint, to_id bigint, patient boolean)
      join :schema.job_dependencies d on d.job_id = t.job_id and d.on_job_id between t.from_id and t.to_id and not d.watch
      where t.kind = 'c' order by t.id, d.on_job_id limit 1000
    ) e group by e.patient
  loop
    perform :schema.check_prerequisites(v_checks.jobs, v_checks.ons, v_checks.patient, p_now);
    if v_last is null or v_checks.last_id > v_last then
      v_last := v_checks.last_id;
      v_last_on := v_checks.ons[cardinality(v_checks.ons)];
    end if;
  end loop;
  if v_last is not null then
    insert into :schema.dependency_wakes (kind, job_id, from_id, to_id, patient)
      select 'c', t.job_id, case when t.id = v_last then v_last_on + 1 else t.from_id end, t.to_id, t.patient
      from jsonb_to_recordset(v_taken) as t(id bigint, kind "char", job_id bigint, from_id bigint, to_id bigint, patient boolean)
      where t.kind = 'c' and t.id >= v_last
        and exists (select from :schema.job_dependencies d where d.job_id = t.job_id and not d.watch
          and d.on_job_id between case when t.id = v_last then v_last_on + 1 else t.from_id end and t.to_id)
      order by t.id;
  end if;

  select array_agg(distinct t.job_id) into v_barriers
    from jsonb_to_recordset(v_taken) as t(kind "char", job_id bigint) where t.kind = 'b';
  if v_barriers is not null then perform :schema.check_barriers(v_barriers, p_now); end if;
  return exists (select from :schema.dependency_wakes);
end $$;
