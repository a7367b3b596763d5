-- What the end of jobs that failed or were cancelled does to those that wait for them. The rules of locking are in dependencies.sql.

-- Cancels whatever depends on failed or cancelled jobs over any number of levels and has no other policy: at most p_limit jobs, the
-- nearest first. A level costs one probe, and ending them is one step for all (measured: a chain of 1,000 in 0.1 s; ended level by
-- level 3 s). Returns them with the job at which each began.
create or replace function :schema.cancel_cascade(
  p_on bigint[], p_roots bigint[], p_limit integer, p_now timestamptz, out ids bigint[], out roots bigint[]
) language plpgsql as $$
declare
  v_root record;
  v_found bigint[];
begin
  ids := '{}';
  roots := '{}';
  for v_root in
    select o.root, array_agg(o.id) as ons from unnest(p_on, p_roots) o(id, root)
    where exists (select from :schema.job_dependencies d where d.on_job_id = o.id) group by o.root order by o.root
  loop
    v_found := array(
      with recursive down(id) as (
        select o.id from unnest(v_root.ons) o(id)
        union
        select d.job_id from down join :schema.job_dependencies d on d.on_job_id = down.id join :schema.jobs j on j.id = d.job_id
          where j.on_failure is null and d.job_id <> all (ids)
      )
      select down.id from down where down.id <> all (v_root.ons) limit p_limit - cardinality(ids));
    if cardinality(v_found) = 0 then continue; end if;
    v_found := array(select j.id from :schema.jobs j where j.id = any (v_found) order by j.id for update skip locked);
    -- Once more, now that nobody changes them: what is reached only through a job that somebody else has locked stays.
    v_found := array(
      with recursive down(id) as (
        select o.id from unnest(v_root.ons) o(id)
        union
        select d.job_id from down join :schema.job_dependencies d on d.on_job_id = down.id join :schema.jobs j on j.id = d.job_id
          where j.on_failure is null and d.job_id = any (v_found)
      )
      select down.id from down where down.id <> all (v_root.ons));
    ids := ids || v_found;
    roots := roots || array_fill(v_root.root, array[cardinality(v_found)]);
    exit when cardinality(ids) >= p_limit;
  end loop;
  if cardinality(ids) = 0 then return; end if;
  perform :schema.note_cascade(ids);
  -- Locked and waiting: all of them end.
  perform :schema.end_rows((
    select jsonb_agg(jsonb_build_object('id', e.id, 'status', 'c', 'root', e.root)) from unnest(ids, roots) e(id, root)), p_now);
end $$;

-- Which of the ended jobs still have dependents to be told.
create or replace function :schema.untold(p_on bigint[], p_outcome "char") returns bigint[] language plpgsql as $$
declare
  v_ids bigint[];
begin
  if p_outcome = 'k' then
    select array_agg(o.id) into v_ids from unnest(p_on) o(id)
      where exists (select from :schema.job_dependencies d where d.on_job_id = o.id);
    return v_ids;
  end if;
  select array_agg(x.id) into v_ids from (
    select o.id from unnest(p_on) o(id)
      where exists (select from :schema.job_dependencies d join :schema.jobs j on j.id = d.job_id
        where d.on_job_id = o.id and (d.watch or j.on_failure is distinct from 'w'))
    union select b.on_job_id from :schema.barriers_failed_by(p_on) b
  ) x;
  return v_ids;
end $$;

-- Whose tag barriers the failed jobs were part of: pairs that still have to be dealt with.
create or replace function :schema.barriers_failed_by(p_on bigint[]) returns table (job_id bigint, on_job_id bigint) language plpgsql as $$
#variable_conflict use_column
begin
  if not exists (select from :schema.tag_barriers) then return; end if;
  return query
    select b.job_id, f.id
    from (
      select x.id, x.tags, x.tenant_id, x.finished_at from :schema.failed_jobs x where x.id = any (p_on) and x.tags is not null
      union all
      -- Retried since.
      select x.id, x.tags, x.tenant_id, x.last_retried_at from :schema.jobs x where x.id = any (p_on) and x.tags is not null
    ) f
    join :schema.tag_barriers b on b.first_tag = any (f.tags) and b.tags <@ f.tags and b.tenant_id is not distinct from f.tenant_id
      and b.job_id <> f.id
    join :schema.jobs j on j.id = b.job_id
    where j.created_at <= f.finished_at and (j.on_failure is null or (j.on_failure = 'w'
      and not exists (select from :schema.job_dependencies d where d.on_job_id = f.id and d.job_id = b.job_id)));
end $$;

-- Counts completed prerequisites down. Returns how many dependencies were met, at most p_limit.
create or replace function :schema.tell_completed(p_on bigint[], p_limit integer, p_now timestamptz) returns integer language plpgsql as $$
declare
  v_jobs bigint[];
  v_ons bigint[];
begin
  select array_agg(x.job_id), array_agg(x.on_job_id) into v_jobs, v_ons from (
    select d.job_id, d.on_job_id from :schema.job_dependencies d join :schema.jobs j on j.id = d.job_id
    where d.on_job_id = any (p_on) limit p_limit for update of j skip locked
  ) x;
  if v_jobs is null then return 0; end if;
  perform :schema.meet_dependencies(v_jobs, v_ons, p_now);
  return cardinality(v_jobs);
end $$;

-- Does what each dependent of failed or cancelled jobs has asked for. Returns how many were told, at most p_limit of each kind, and
-- those that were cancelled, with the job at which it began.
create or replace function :schema.tell_failed(
  p_on bigint[], p_roots bigint[], p_limit integer, p_now timestamptz, out told integer, out cancelled bigint[], out roots bigint[]
) language plpgsql as $$
declare
  v_jobs bigint[];
  v_ons bigint[];
  v_policies text[];
  v_ends jsonb;
  v_run_jobs bigint[];
  v_run_ons bigint[];
begin
  select array_agg(x.job_id), array_agg(x.on_job_id), array_agg(x.policy) into v_jobs, v_ons, v_policies from (
      select d.job_id, d.on_job_id, coalesce(j.on_failure::text, 'c') as policy
      from :schema.job_dependencies d join :schema.jobs j on j.id = d.job_id
      where d.on_job_id = any (p_on) and (d.watch or j.on_failure is distinct from 'w') limit p_limit for update of j skip locked
    ) x;
  if exists (select from :schema.tag_barriers) then
    select v_jobs || array_agg(x.job_id), v_ons || array_agg(x.on_job_id), v_policies || array_agg(x.policy)
      into v_jobs, v_ons, v_policies from (
        select b.job_id, b.on_job_id, coalesce(j.on_failure::text, 'c') as policy
        from :schema.barriers_failed_by(p_on) b join :schema.jobs j on j.id = b.job_id
        where b.job_id <> all (coalesce(v_jobs, '{}')) limit p_limit for update of j skip locked
      ) x;
  end if;
  told := coalesce(cardinality(v_jobs), 0);
  if told = 0 then return; end if;

  select array_agg(t.job_id), array_agg(t.on_id) into v_run_jobs, v_run_ons
    from unnest(v_jobs, v_ons, v_policies) t(job_id, on_id, policy) where t.policy = 'r';
  if v_run_jobs is not null then perform :schema.meet_dependencies(v_run_jobs, v_run_ons, p_now); end if;

  if 'w' = any (v_policies) then
    -- What closed a barrier and failed becomes a prerequisite of its own.
    with w as (
      insert into :schema.job_dependencies as d (on_job_id, job_id, watch)
        select distinct t.on_id, t.job_id, false from unnest(v_jobs, v_ons, v_policies) t(job_id, on_id, policy) where t.policy = 'w'
        on conflict (on_job_id, job_id) do update set watch = false where d.watch
      returning d.job_id
    ), n as (
      select w.job_id, count(*)::integer as more from w group by w.job_id
    )
    update :schema.jobs j set unmet = j.unmet + n.more, lane = 'd', due_at = null from n where j.id = n.job_id;
  end if;

  select jsonb_agg(jsonb_build_object('id', e.job_id, 'status', 'c', 'root', e.root)) into v_ends from (
    select distinct on (t.job_id) t.job_id, o.root
    from unnest(v_jobs, v_ons, v_policies) t(job_id, on_id, policy) join unnest(p_on, p_roots) o(id, root) on o.id = t.on_id
    where t.policy = 'c' order by t.job_id, t.on_id
  ) e;
  if v_ends is null then return; end if;
  cancelled := :schema.end_rows(v_ends, p_now);
  perform :schema.note_cascade(cancelled);
  select array_agg((e.value ->> 'root')::bigint order by c.n) into roots
    from unnest(cancelled) with ordinality c(id, n) join jsonb_array_elements(v_ends) e on (e.value ->> 'id')::bigint = c.id;
end $$;
