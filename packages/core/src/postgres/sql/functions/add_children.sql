-- Adds the children of attempts that have just completed, in the statement that completed them: an attempt that had lost its lease, or
-- was settled before by a call whose reply was lost, is not among them and adds nothing.
--   p_settlements    as for settle_others; `children` are jobs as add_jobs takes them. In depends_on_job_ids -1 is the first child of
--                    the same attempt
--   p_ids, p_tokens  the attempts that completed, paired by position
--   p_keep           whether history is kept: if not, a prerequisite that is not stored any more counts as completed
-- Locks: job_keys rows in key order, for children with a key only.
create or replace function :schema.add_children(p_settlements jsonb, p_ids bigint[], p_tokens bigint[], p_keep boolean) returns void
language plpgsql as $$
declare
  v_batch record;
  v_missing bigint[];
begin
  for v_batch in
    with s as (
      -- Sent twice in one call: once.
      select distinct on (x.id) x.id, x.children, :schema.waits_for_others(x.children) as waits from (
        select (s.value ->> 'id')::bigint as id, (s.value ->> 'token')::bigint as token, s.value -> 'children' as children, s.n
        from jsonb_array_elements(p_settlements) with ordinality s(value, n)
        where s.value ->> 'kind' = 'completed' and s.value ? 'children'
      ) x join unnest(p_ids, p_tokens) d(id, token) on d.id = x.id and d.token = x.token
      order by x.id, x.n
    )
    -- Those that wait for nothing together, the others by attempt, for they refer to each other by place.
    select s.waits, jsonb_agg(c.value order by s.id, c.n) as jobs
    from s cross join lateral jsonb_array_elements(s.children) with ordinality c(value, n)
    group by s.waits, case when s.waits then s.id end
  loop
    if v_batch.waits then
      select a.missing into v_missing from :schema.add_dependents(v_batch.jobs, null, true, false, not p_keep) a;
      if v_missing is not null then
        raise exception 'dependsOn.jobIds of a child: one or more job ids do not exist (%)', array_to_string(v_missing, ', ')
          using errcode = '22023';
      end if;
    else
      perform :schema.add_jobs(v_batch.jobs, null, true);
    end if;
    -- For the claim that may share this call.
    perform :schema.note_levels(array(
      select distinct coalesce((c.value ->> 'priority')::integer, 0) from jsonb_array_elements(v_batch.jobs) c(value)));
  end loop;
end $$;

create or replace function :schema.waits_for_others(p_jobs jsonb) returns boolean language sql immutable as $$
  select jsonb_path_exists(p_jobs, '$[*] ? (exists (@.depends_on_job_ids) || exists (@.depends_on_tags))')
$$;
