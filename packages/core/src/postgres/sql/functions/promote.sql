-- Makes due jobs ready, oldest due time first, at most 2,000 a call. Returns how many.
-- Locks: job rows, skip locked.
create or replace function :schema.promote(p_now timestamptz) returns integer language plpgsql as $$
declare
  v_count integer;
  v_groups text[];
begin
  with u as (
    update :schema.jobs j set
      lane = case when j.group_key is null or j.holds_place then 'r' else 'g' end::"char", ready_seq = nextval(':schema.job_ids'),
      due_at = null, holds_place = null
    where j.id = any (array(
      select t.id from :schema.jobs t where t.lane = 't' and t.due_at <= p_now order by t.due_at limit 2000 for update skip locked))
    returning j.group_key
  )
  select count(*), array_agg(distinct u.group_key) filter (where u.group_key is not null) into v_count, v_groups from u;
  if v_groups is not null then
    insert into :schema.group_wakes (group_key) select g from unnest(v_groups) g;
  end if;
  -- More than one: whoever promotes may not have a slot for all of them.
  if v_count > 1 and exists (select from :schema.workers w where w.sleeping and w.expires_at > p_now) then
    perform pg_notify(':channel', 'r');
  end if;
  return v_count;
end $$;
