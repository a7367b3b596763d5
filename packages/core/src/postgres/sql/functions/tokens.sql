-- Makes a token that something outside completes. With a job and its lease, it is the one that this key of the job stands for, new or
-- not: a handler that runs again gets the token it made before.
-- Returns the token's id; null if the attempt no longer held its lease.
-- Locks: the job's row, if there is one.
create or replace function :schema.create_token(
  p_token_id text, p_timeout_ms double precision, p_tags text[], p_job bigint default null, p_lease bigint default null,
  p_key text default null, p_attempt integer default null
) returns text language plpgsql as $$
declare
  v_now timestamptz := clock_timestamp();
  v_known text;
begin
  if p_key is not null then
    if not :schema.hold_lease(p_job, p_lease) then return null; end if;
    select s.awaited into v_known from :schema.job_steps s where s.job_id = p_job and s.key = p_key;
    if found then return v_known; end if;
    insert into :schema.job_steps (job_id, seq, ended_seq, token, attempt, tries, kind, status, rich, timed_out, started_at, ended_at, key,
        awaited)
      select p_job, n, n, p_lease, p_attempt, 1, 'k', 'd', false, false, v_now, v_now, p_key, p_token_id
      from nextval(':schema.step_ids') n;
  end if;
  insert into :schema.tokens (id, job_id, created_at, timeout_at, status, rich, tags)
    values (p_token_id, p_job, v_now, v_now + p_timeout_ms * interval '1 millisecond', 'w', false, p_tags);
  return p_token_id;
end $$;

-- Completes a token that is still waiting, and makes every job ready that waits for it.
-- Returns changed, unchanged (it had been completed or timed out) or not_found.
-- Locks, in order: the token's row, job rows.
create or replace function :schema.complete_token(p_token_id text, p_output jsonb, p_rich boolean) returns text language plpgsql as $$
begin
  update :schema.tokens t set status = 'c', output = p_output, rich = p_rich, completed_at = clock_timestamp()
    where t.id = p_token_id and t.status = 'w';
  if not found then
    return case when exists (select from :schema.tokens t where t.id = p_token_id) then 'unchanged' else 'not_found' end;
  end if;
  perform :schema.wake_waiters(array[p_token_id]);
  return 'changed';
end $$;

-- Times out tokens, at most p_most a call. Returns how many.
-- Locks, in order: tokens' rows (skip locked), job rows.
create or replace function :schema.expire_tokens(p_now timestamptz, p_most integer) returns integer language plpgsql as $$
declare
  v_ids text[];
begin
  with u as (
    update :schema.tokens t set status = 't'
    where t.id = any (array(
      select d.id from :schema.tokens d where d.status = 'w' and d.timeout_at <= p_now
      order by d.timeout_at limit p_most for update skip locked))
    returning t.id
  )
  select array_agg(u.id) into v_ids from u;
  if v_ids is null then return 0; end if;
  perform :schema.wake_waiters(v_ids);
  return cardinality(v_ids);
end $$;

create or replace function :schema.wake_waiters(p_token_ids text[]) returns integer language plpgsql as $$
declare
  v_jobs bigint[];
begin
  select array_agg(distinct s.job_id) into v_jobs from :schema.job_steps s
    where s.awaited = any (p_token_ids) and s.status = 'p' and s.kind in ('w', 'e');
  return case when v_jobs is null then 0 else :schema.wake_jobs(v_jobs) end;
end $$;
