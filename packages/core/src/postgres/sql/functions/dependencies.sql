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
  perform :schema.note_levels(p_priorities);
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

-- Marks the transaction: the exchange it may be part of looks at the notes.
create or replace function :schema.stir() returns void language plpgsql as $$
declare
  v_set text := set_config('millrace.stirred', 'on', true);
begin
end $$;

-- The same for jobs that became ready: the exchange also looks at the whole ready index, unless its worker knows all these levels. At
-- one that it knows they stand above its bound, for their places were drawn just now; a look through everything after each thousand of
-- a hundred thousand released jobs would cost more than releasing them.
create or replace function :schema.note_levels(p_priorities integer[]) returns void language plpgsql as $$
declare
  v_old text := nullif(current_setting('millrace.levels', true), '');
  v_set text;
begin
  perform :schema.stir();
  if v_old is null or not p_priorities <@ string_to_array(v_old, ',')::integer[] then
    v_set := set_config('millrace.levels', concat_ws(',', v_old, array_to_string(p_priorities, ',')), true);
  end if;
end $$;
