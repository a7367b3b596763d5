-- Jobs that wait for other jobs: what the end of one means for those that wait for it.
--
-- Why no release is lost and none is early. A dependent becomes visible together with its rows in job_dependencies. Whoever ends a job
-- first deletes its row and then, in a later statement with a snapshot of its own, looks for dependents. So an end misses a dependent
-- only if it looked before the dependent was committed; for that case every add leaves a check (or makes it itself, in its own
-- transaction). A check locks the prerequisite for key share: had, it proves that no end is under way, and any later one looks after
-- the check has been committed and finds the dependent; not had, the check stays for the next node. Nothing is released but by the
-- state that storage shows under that rule, and the count on the dependent's row changes under its lock only.
--
-- Locks: dependents' rows, prerequisites (for key share). All of them skip what is locked, so nobody here waits for anybody; what
-- was skipped is noted in dependency_wakes. A transaction at repeatable read has no later snapshots: an end there leaves a note for each
-- job, and an add, as any in a caller's transaction, its checks.

create or replace function :schema.dependency_lock() returns bigint language sql immutable as $$
  select hashtextextended(':channel', 4908)
$$;

-- Whether all statements of this transaction see what was committed when it began and nothing newer, as at repeatable read.
create or replace function :schema.has_old_snapshot() returns boolean language sql stable as $$
  select current_setting('transaction_isolation') not like 'read %'
$$;

-- The plans here are for the indexes, whatever the statistics say: tables that were empty when a plan was made are full later.
create or replace function :schema.use_dependency_indexes() returns void language plpgsql as $$
declare
  v_settings text;
begin
  if current_setting('enable_hashjoin') = 'on' or current_setting('enable_seqscan') = 'on' then
    v_settings := set_config('enable_seqscan', 'off', true) || set_config('enable_hashjoin', 'off', true)
      || set_config('enable_mergejoin', 'off', true) || set_config('jit', 'off', true);
  end if;
end $$;

-- Tells the dependents of jobs that have just ended, in the statement that ended them: at most 1,000 now, the others by a note.
--   p_outcome  k completed, f failed for good or cancelled
create or replace function :schema.tell_ended(p_ids bigint[], p_outcome "char", p_now timestamptz) returns void language plpgsql as $$
declare
  v_later bigint[];
begin
  if :schema.has_old_snapshot() then
    -- Dependents that were committed since the transaction began are not to be seen here: a node that looks after the commit tells all.
    insert into :schema.dependency_wakes (kind, job_id, outcome, root_id) select 'e', i.id, p_outcome, i.id from unnest(p_ids) i(id);
    if exists (select from :schema.workers w where w.sleeping and w.expires_at > p_now) then perform pg_notify(':channel', 'r'); end if;
    return;
  end if;
  if exists (select from :schema.dependency_wakes) then
    -- A job that failed, was retried and completed while its first end was not told to everybody: one after the other.
    select array_agg(distinct w.job_id) into v_later from :schema.dependency_wakes w where w.kind = 'e' and w.job_id = any (p_ids);
    if v_later is not null then
      insert into :schema.dependency_wakes (kind, job_id, outcome, root_id) select 'e', l.id, p_outcome, l.id from unnest(v_later) l(id);
      p_ids := array(select i.id from unnest(p_ids) i(id) where i.id <> all (v_later));
    end if;
  end if;
  perform :schema.tell_dependents(p_ids, p_ids, p_outcome, p_now);
end $$;

-- The same for ends of any age, of which p_roots began each. Cancelled dependents are ends of their own.
create or replace function :schema.tell_dependents(p_ids bigint[], p_roots bigint[], p_outcome "char", p_now timestamptz) returns void
language plpgsql as $$
declare
  v_on bigint[] := p_ids;
  v_roots bigint[] := p_roots;
  v_room integer := 1000;
  v_told integer := 0;
  v_cancelled bigint[];
  v_began bigint[];
  v_left bigint[];
begin
  perform :schema.use_dependency_indexes();
  while cardinality(v_on) > 0 loop
    v_cancelled := null;
    if p_outcome <> 'k' and v_room > 0 then
      -- Whole chains at once. What is left to this loop are the levels that tag barriers make.
      select c.ids, c.roots into v_cancelled, v_began from :schema.cancel_cascade(v_on, v_roots, v_room, p_now) c;
      v_room := v_room - cardinality(v_cancelled);
      v_on := v_on || v_cancelled;
      v_roots := v_roots || v_began;
      v_cancelled := null;
    end if;
    if v_room > 0 then
      if p_outcome = 'k' then
        v_told := :schema.tell_completed(v_on, v_room, p_now);
      else
        select t.told, t.cancelled, t.roots into v_told, v_cancelled, v_began
          from :schema.tell_failed(v_on, v_roots, v_room, p_now) t;
      end if;
      v_room := v_room - v_told;
    end if;
    v_left := :schema.untold(v_on, p_outcome);
    if v_left is not null then
      insert into :schema.dependency_wakes (kind, job_id, outcome, root_id)
        select 'e', o.id, p_outcome, o.root from unnest(v_on, v_roots) o(id, root) where o.id = any (v_left);
      perform :schema.stir();
    end if;
    v_on := v_cancelled;
    v_roots := v_began;
  end loop;
end $$;

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

-- Removes pairs of dependent and prerequisite, whose dependents' rows the caller has locked; those with nothing left to wait for go on.
create or replace function :schema.meet_dependencies(p_jobs bigint[], p_ons bigint[], p_now timestamptz) returns void language plpgsql as $$
declare
  v_ready integer[];
  v_groups text[];
  v_barriers bigint[];
begin
  with gone as (
    delete from :schema.job_dependencies d using unnest(p_jobs, p_ons) e(job_id, on_id)
    where d.on_job_id = e.on_id and d.job_id = e.job_id returning d.job_id, d.watch
  ), n as materialized (
    -- What is released together runs in the order in which it was added.
    select g.job_id, g.met, nextval(':schema.job_ids') as seq from (
      select o.job_id, count(*) filter (where not o.watch)::integer as met from gone o group by o.job_id order by o.job_id
    ) g
  ), u as (
    update :schema.jobs j set
      unmet = j.unmet - n.met,
      lane = case
        when j.unmet - n.met > 1 or (j.unmet - n.met = 1 and j.depends_on_tags is null) then 'd'
        -- A barrier is looked at when the job is due.
        when j.run_at > p_now then 't'
        when j.unmet - n.met = 1 then 'd'
        when j.group_key is not null then 'g'
        else 'r' end::"char",
      due_at = case when j.run_at > p_now and (j.unmet = n.met or (j.unmet - n.met = 1 and j.depends_on_tags is not null))
        then j.run_at end,
      ready_seq = case when j.unmet = n.met then n.seq else j.ready_seq end
    from n where j.id = n.job_id
    returning j.id, j.lane, j.unmet, j.priority, j.group_key, j.depends_on_tags
  )
  select array_agg(distinct u.priority) filter (where u.lane in ('r', 'g')), array_agg(distinct u.group_key) filter (where u.lane = 'g'),
      array_agg(u.id) filter (where u.lane = 'd' and u.unmet = 1 and u.depends_on_tags is not null)
    into v_ready, v_groups, v_barriers from u;
  if v_barriers is not null then
    insert into :schema.dependency_wakes (kind, job_id) select 'b', b.id from unnest(v_barriers) b(id);
    perform :schema.stir();
  end if;
  if v_groups is not null then insert into :schema.group_wakes (group_key) select g from unnest(v_groups) g; end if;
  if v_ready is not null then perform :schema.offer_released(v_ready, p_now); end if;
end $$;

-- Lets workers know of jobs that became ready at these levels: those that sleep by a notification, the one that called by a mark that
-- lasts for its transaction.
create or replace function :schema.offer_released(p_priorities integer[], p_now timestamptz) returns void language plpgsql as $$
declare
  v_levels text := array_to_string(p_priorities, ',');
begin
  perform :schema.stir();
  if exists (select from :schema.workers w where w.sleeping and w.expires_at > p_now) then
    perform pg_notify(':channel', case when length(v_levels) < 1000 then 'r' || v_levels else 'r' end);
  end if;
end $$;

-- Keeps for the caller, until its transaction ends, which dependents were cancelled (see cascaded). At most some 2,000 a statement.
create or replace function :schema.note_cascade(p_ids bigint[]) returns void language plpgsql as $$
declare
  v_set text := set_config('millrace.cascaded',
    concat_ws(',', nullif(current_setting('millrace.cascaded', true), ''), nullif(array_to_string(p_ids, ','), '')), true);
begin
end $$;

-- The dependents that this transaction has cancelled so far, as a json array; null when there are none.
create or replace function :schema.cascaded() returns jsonb language sql stable as $$
  select ('[' || nullif(current_setting('millrace.cascaded', true), '') || ']')::jsonb
$$;

-- Marks the transaction: the exchange it may be part of looks at the whole ready index and at the notes.
create or replace function :schema.stir() returns void language plpgsql as $$
declare
  v_set text := set_config('millrace.stirred', 'on', true);
begin
end $$;

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
-- and cleaned up: it existed when the dependent was added.
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
