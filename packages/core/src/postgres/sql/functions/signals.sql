-- Gives a job something it waits for, or will: a signal nobody awaits yet is kept for the first wait of its name.
-- Returns changed, unchanged (the job has ended) or not_found.
-- Locks: the job's row.
create or replace function :schema.signal_job(p_id bigint, p_name text, p_data jsonb, p_rich boolean) returns text language plpgsql as $$
begin
  -- A suspending attempt holds the row until it is seen to wait.
  perform from :schema.jobs j where j.id = p_id for no key update;
  if not found then
    return case when exists (select from :schema.failed_jobs j where j.id = p_id) or exists (select from :schema.finished_jobs j where j.id = p_id)
      then 'unchanged' else 'not_found' end;
  end if;
  insert into :schema.job_signals (job_id, created_at, rich, name, data) values (p_id, clock_timestamp(), p_rich, p_name, p_data);
  if exists (select from :schema.job_steps s
      where s.job_id = p_id and s.status = 'p' and s.kind = 'g' and s.awaited = 'signal:' || p_name) then
    perform :schema.wake_jobs(array[p_id]);
  end if;
  return 'changed';
end $$;

-- Gives an event to every job that waits for one of this name whose filter it contains. Who comes to wait later does not get it.
-- Returns how many waits it ended.
-- Locks, in order: waits, job rows.
create or replace function :schema.send_event(p_name text, p_data jsonb, p_rich boolean) returns bigint language plpgsql as $$
declare
  v_now timestamptz := clock_timestamp();
  v_count bigint;
  v_jobs bigint[];
begin
  with u as (
    update :schema.job_steps s set status = 'd', ended_seq = nextval(':schema.step_ids'), ended_at = v_now, result = p_data, rich = p_rich
    where (s.job_id, s.key) in (
        select w.job_id, w.key from :schema.job_steps w
        where w.awaited = 'event:' || p_name and w.status = 'p' and w.kind in ('w', 'e') and (w.filter is null or p_data @> w.filter)
          and (w.wait_until is null or w.wait_until > v_now)
        order by w.job_id, w.key for update)
      and s.status = 'p'
    returning s.job_id
  )
  select count(*), array_agg(distinct u.job_id) into v_count, v_jobs from u;
  if v_jobs is not null then perform :schema.wake_jobs(v_jobs); end if;
  return v_count;
end $$;
