-- Adds jobs of which some depend on others: all or none, in one statement.
--   p_jobs       as for add_jobs, with depends_on_job_ids (-1 is the first job of the array, -2 the second, ...), depends_on_tags,
--                depends_on_names (of the ids, for the handler), on_failure (r: run all the same, w: wait; absent: cancel)
--   p_own        on a connection of the client's own: what has ended already is looked at in this statement. Else, in a transaction of
--                whoever knows what length, no other job's row is touched; the next node looks
--   p_forgotten  an id that was given out and is not stored any more counts as completed: no history is kept
-- Returns what add_jobs does, or in `missing` the prerequisites that do not exist; then nothing was added.
-- Locks: the nonce, with p_own (shared, advisory); the lock of prerequisites (shared, advisory); job_keys rows in key order; with p_own see dependencies.sql.
create or replace function :schema.add_dependents(
  p_jobs jsonb, p_nonce bigint, p_notify boolean, p_own boolean, p_forgotten boolean,
  out ids bigint[], out created boolean[], out sleepers boolean, out missing bigint[]
) language plpgsql as $$
declare
  v_now timestamptz := clock_timestamp();
  v_limit text;
  v_asked bigint[];
  v_met bigint[];
  v_last bigint;
  v_jobs bigint[];
  v_ons bigint[];
  v_checks boolean[];
  v_barriers bigint[];
begin
  -- See add_jobs.
  if p_own then v_limit := set_config('lock_timeout', '20s', true) || pg_advisory_xact_lock_shared(p_nonce)::text; end if;

  select array_agg(distinct r.value::bigint) into v_asked
    from jsonb_array_elements(p_jobs) x(value) cross join lateral jsonb_array_elements_text(x.value -> 'depends_on_job_ids') r(value)
    where x.value ? 'depends_on_job_ids' and r.value::bigint >= 0;
  if v_asked is not null then
    -- None of them is deleted without having completed before those who wait for it are to be seen.
    perform pg_advisory_xact_lock_shared(:schema.prerequisite_lock());
    select array_agg(s.id) filter (where s.state is null), array_agg(s.id) filter (where s.state = 'k') into missing, v_met
      from :schema.job_states(v_asked) s;
    if p_forgotten and missing is not null then
      select i.last_value into v_last from :schema.job_ids i;
      v_met := v_met || array(select m.id from unnest(missing) m(id) where m.id between 1 and v_last);
      missing := nullif(array(select m.id from unnest(missing) m(id) where m.id not between 1 and v_last), '{}');
    end if;
    if missing is not null then return; end if;
  end if;

  if jsonb_path_exists(p_jobs, '$[*].idempotency_key') then
    select k.ids, k.created into ids, created from :schema.take_keys(p_jobs) k;
    if true = all (created) then created := null; end if;
  else
    ids := array(select nextval(':schema.job_ids') from generate_series(1, jsonb_array_length(p_jobs)));
  end if;

  -- Who waits for whom, of the new jobs. What has completed is waited for by nobody; what is new itself needs no check.
  select array_agg(e.job_id), array_agg(e.on_id), array_agg(e.is_old) into v_jobs, v_ons, v_checks from (
    select distinct ids[x.n] as job_id, case when r.value::bigint < 0 then ids[-r.value::bigint] else r.value::bigint end as on_id,
      r.value::bigint >= 0 or not coalesce(created[-r.value::bigint], true) as is_old
    from jsonb_array_elements(p_jobs) with ordinality x(value, n)
      cross join lateral jsonb_array_elements_text(x.value -> 'depends_on_job_ids') r(value)
    where x.value ? 'depends_on_job_ids' and (created is null or created[x.n])
  ) e left join unnest(v_met) m(id) on m.id = e.on_id where m.id is null;

  select coalesce(jsonb_agg(x.value || jsonb_build_object('id', ids[x.n], 'unmet',
      coalesce(e.count, 0) + case when x.value ? 'depends_on_tags' then 1 else 0 end) ||
      case when x.value ? 'depends_on_job_ids' then jsonb_build_object('depends_on_job_ids', (
        select jsonb_agg(case when r.value::bigint < 0 then ids[-r.value::bigint] else r.value::bigint end order by r.n)
        from jsonb_array_elements_text(x.value -> 'depends_on_job_ids') with ordinality r(value, n))) else '{}' end
      order by x.n), '[]') into p_jobs
    from jsonb_array_elements(p_jobs) with ordinality x(value, n)
    left join (select u.job_id, count(*) as count from unnest(v_jobs) u(job_id) group by u.job_id) e on e.job_id = ids[x.n]
    where created is null or created[x.n];
  perform :schema.insert_jobs(p_jobs, p_nonce, v_now);
  insert into :schema.job_dependencies (on_job_id, job_id, watch)
    select e.on_id, e.job_id, false from unnest(v_jobs, v_ons) e(job_id, on_id)
    on conflict (on_job_id, job_id) do nothing;
  insert into :schema.tag_barriers (job_id, first_tag, tags, tenant_id)
    select j.id, j.depends_on_tags[1], j.depends_on_tags, j.tenant_id
    from jsonb_to_recordset(p_jobs) as j(id bigint, depends_on_tags text[], tenant_id text) where j.depends_on_tags is not null;
  select array_agg(j.id) into v_barriers
    from jsonb_to_recordset(p_jobs) as j(id bigint, depends_on_tags text[], unmet integer, run_at timestamptz)
    where j.depends_on_tags is not null and j.unmet = 1 and (j.run_at is null or j.run_at <= v_now);

  select array_agg(e.job_id), array_agg(e.on_id) into v_jobs, v_ons
    from unnest(v_jobs, v_ons, v_checks) e(job_id, on_id, is_old) where e.is_old;
  if p_own and coalesce(cardinality(v_jobs), 0) <= 1000 and coalesce(cardinality(v_barriers), 0) <= 100 then
    if v_jobs is not null then perform :schema.check_prerequisites(v_jobs, v_ons, false, v_now); end if;
    if v_barriers is not null then perform :schema.check_barriers(v_barriers, v_now); end if;
  else
    insert into :schema.dependency_wakes (kind, job_id) select distinct 'c'::"char", e.job_id from unnest(v_jobs) e(job_id);
    insert into :schema.dependency_wakes (kind, job_id) select 'b', b.id from unnest(v_barriers) b(id);
  end if;

  sleepers := exists (select from :schema.workers w where w.sleeping and w.expires_at > v_now);
  if p_notify and sleepers then
    -- Whoever has to look at the notes looks at every level.
    if v_jobs is null and v_barriers is null then perform :schema.notify_ready(p_jobs);
    else perform pg_notify(':channel', 'r'); end if;
    sleepers := false;
  end if;
end $$;
