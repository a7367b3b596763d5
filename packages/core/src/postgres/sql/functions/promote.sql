-- Makes due jobs ready, oldest due time first, at most 2,000 a call. Returns how many.
-- Locks: job rows, skip locked.
create or replace function :schema.promote(p_now timestamptz) returns integer language plpgsql as $$
declare
  v_count integer;
  v_groups text[];
  v_barriers bigint[];
begin
  with u as (
    update :schema.jobs j set
      -- A tag barrier is looked at when the job is due.
      lane = case when j.unmet > 0 then 'd' when j.group_key is null or j.holds_place then 'r' else 'g' end::"char",
      ready_seq = nextval(':schema.job_ids'), due_at = null, holds_place = null
    where j.id = any (array(
      select t.id from :schema.jobs t where t.lane = 't' and t.due_at <= p_now order by t.due_at limit 2000 for update skip locked))
    returning j.group_key, j.lane, j.id
  )
  select count(*), array_agg(distinct u.group_key) filter (where u.lane = 'g'), array_agg(u.id) filter (where u.lane = 'd')
    into v_count, v_groups, v_barriers from u;
  if v_barriers is not null then
    insert into :schema.dependency_wakes (kind, job_id) select 'b', b.id from unnest(v_barriers) b(id);
  end if;
  if v_groups is not null then
    insert into :schema.group_wakes (group_key) select g from unnest(v_groups) g;
  end if;
  -- More than one: whoever promotes may not have a slot for all of them.
  if v_count > 1 and exists (select from :schema.workers w where w.sleeping and w.expires_at > p_now) then
    perform pg_notify(':channel', 'r');
  end if;
  return v_count;
end $$;
