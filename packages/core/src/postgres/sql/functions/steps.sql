-- Whether this attempt still holds its lease. From a true answer to the end of the transaction nobody can take it away, so that what
-- is stored meanwhile was stored by its holder.
create or replace function :schema.hold_lease(p_id bigint, p_token bigint) returns boolean language plpgsql as $$
begin
  perform from :schema.jobs j where j.id = p_id and j.token = p_token and j.lane = 'x' for no key update;
  return found;
end $$;

-- Stores one step of a running attempt.
--   p_step  {key, status, attempt, tries, duration_ms, rich, result?, error?}; status d: done, f: failed. A done step stays as it is
-- Returns false if the attempt no longer held its lease. Sent again because the reply was lost: true, without a second effect.
-- Locks: the job's row.
create or replace function :schema.store_step(p_id bigint, p_token bigint, p_step jsonb) returns boolean language plpgsql as $$
declare
  v_now timestamptz := clock_timestamp();
  v_seq bigint := nextval(':schema.step_ids');
  v_status "char" := p_step ->> 'status';
begin
  if not :schema.hold_lease(p_id, p_token) then return false; end if;
  insert into :schema.job_steps as s (job_id, seq, ended_seq, token, attempt, tries, kind, status, rich, timed_out, started_at, ended_at,
      key, result, error)
    values (p_id, v_seq, v_seq, p_token, (p_step ->> 'attempt')::integer, (p_step ->> 'tries')::integer, 's', v_status,
      (p_step ->> 'rich')::boolean, false, v_now - (p_step ->> 'duration_ms')::double precision * interval '1 millisecond', v_now,
      p_step ->> 'key', p_step -> 'result', p_step -> 'error')
    on conflict (job_id, key) do update set
      ended_seq = excluded.ended_seq, token = excluded.token, attempt = excluded.attempt, tries = s.tries + 1,
      status = excluded.status, rich = excluded.rich, started_at = excluded.started_at, ended_at = excluded.ended_at,
      result = excluded.result, error = coalesce(excluded.error, s.error)
    where s.status <> 'd';
  return true;
end $$;

-- Everything a job remembers, for a running attempt: no row at all if it no longer holds its lease, else first a row without key. What
-- has ended comes in the order of ending. Waits that are over by now end here.
-- Locks: the job's row.
create or replace function :schema.load_steps(p_id bigint, p_token bigint) returns table (
  key text, kind text, status text, rich boolean, timed_out boolean, awaited text, tries integer, result text
) language plpgsql as $$
#variable_conflict use_column
begin
  if not :schema.hold_lease(p_id, p_token) then return; end if;
  if exists (select from :schema.job_steps s where s.job_id = p_id and s.status = 'p') then
    perform :schema.end_waits(p_id, clock_timestamp());
  end if;
  return query select null::text, '', '', false, false, null::text, 0, null::text;
  return query
    select s.key, s.kind::text, s.status::text, s.rich, s.timed_out, s.awaited, s.tries, s.result::text
    from :schema.job_steps s where s.job_id = p_id order by s.ended_seq nulls last, s.seq;
end $$;

-- What became of a step whose transaction was committed without an answer: d it is stored; n it is not, and never will be; l the
-- attempt has lost its lease. Waits for a transaction of that attempt that is still under way.
-- Locks: the job's row.
create or replace function :schema.find_step(p_id bigint, p_token bigint, p_key text) returns text language plpgsql as $$
declare
  v_holds boolean := :schema.hold_lease(p_id, p_token);
begin
  if exists (select from :schema.job_steps s
      where s.job_id = p_id and s.key = p_key and s.token = p_token and s.status = 'd') then
    return 'd';
  end if;
  return case when v_holds then 'n' else 'l' end;
end $$;

-- The same of a job that was completed in a transaction of its handler: d completed; n not, and the attempt goes on; l lost, or
-- completed where no history is kept.
create or replace function :schema.find_completion(p_id bigint, p_token bigint) returns text language plpgsql as $$
begin
  if :schema.hold_lease(p_id, p_token) then return 'n'; end if;
  return case when exists (select from :schema.finished_jobs f where f.id = p_id and f.token = p_token) then 'd' else 'l' end;
end $$;

-- Forgets everything that belongs to jobs which are gone. Returns how many rows went.
create or replace function :schema.forget_steps(p_ids bigint[]) returns bigint language plpgsql as $$
declare
  v_steps bigint;
  v_count bigint;
begin
  delete from :schema.job_steps s where s.job_id = any (p_ids);
  get diagnostics v_steps = row_count;
  delete from :schema.job_signals s where s.job_id = any (p_ids);
  get diagnostics v_count = row_count;
  v_steps := v_steps + v_count;
  delete from :schema.tokens t where t.job_id = any (p_ids);
  get diagnostics v_count = row_count;
  v_steps := v_steps + v_count;
  delete from :schema.job_log_sizes z where z.job_id = any (p_ids);
  if found then
    delete from :schema.job_logs l where l.job_id = any (p_ids);
    get diagnostics v_count = row_count;
    v_steps := v_steps + v_count;
  end if;
  return v_steps;
end $$;
