-- Keys whose job is to be changed rather than left alone, when an add meets a job that has the key (key_mode):
--   reuse            the default: the job stays as it is, in whatever state
--   replace          a job that waits takes everything over, due time included, and starts from its first attempt
--   preserve_run_at  the same, but a job that has not been tried keeps its due time
--   debounce         a job that waits takes payload and due time over, the latter only if later; the rest stays
-- A job that executes, has suspended itself or has ended is left alone, and the key passes to a new job. But that of a job that has ended
-- within its window (key_window_ms, from when the key was taken) does not: the add is one too many, in every mode.
--
--   p_jobs  as add_jobs takes them;  p_own  the ids drawn for them
-- Locks: job_keys rows in key order, each before its job.
create or replace function :schema.apply_key_modes(p_jobs jsonb, p_own bigint[]) returns void language plpgsql as $$
declare
  x record;
  v_holder bigint;
  v_until timestamptz;
  v_now timestamptz := clock_timestamp();
  v_job :schema.jobs;
begin
  for x in
    select p_own[i.n] as own, i.value as job, h.key_hash, i.value ->> 'key_mode' as mode,
      v_now + (i.value ->> 'key_window_ms')::bigint * interval '1 millisecond' as until
    from jsonb_array_elements(p_jobs) with ordinality i(value, n)
    cross join lateral (select :schema.job_key_hash(i.value) as key_hash) h
    where i.value ? 'idempotency_key' and i.value ->> 'key_mode' <> 'reuse'
    order by h.key_hash, i.n
  loop
    select k.job_id, k.taken_until into v_holder, v_until from :schema.job_keys k where k.key_hash = x.key_hash for update;
    -- Not found: a clean-up freed it just now; the caller takes it in its next round.
    if not found or v_holder = x.own then continue; end if;
    if v_holder = any (p_own) then
      -- Twice in one batch: the last one counts.
      if v_holder < x.own then update :schema.job_keys k set job_id = x.own where k.key_hash = x.key_hash; end if;
      continue;
    end if;
    select * into v_job from :schema.jobs j
      where j.id = v_holder and j.lane <> 'x' and j.wait_until is null and j.wait_token_id is null for update;
    if found then
      perform :schema.replace_job(v_job, x.job, x.mode);
    elsif v_until is null or v_until <= v_now or exists (select from :schema.jobs j where j.id = v_holder) then
      update :schema.job_keys k set job_id = x.own, taken_until = x.until where k.key_hash = x.key_hash;
    end if;
  end loop;
end $$;

-- Where the key of a job that is to be added is looked up; see job_keys.scope. What begins a scoped one can begin no other: no tenant and no
-- queue has U+001E in its name.
create or replace function :schema.job_key_hash(p_job jsonb) returns bytea language sql immutable parallel safe as $$
  select case coalesce(p_job ->> 'key_scope', 'tenant')
    when 'tenant' then :schema.key_hash(p_job ->> 'tenant_id', p_job ->> 'idempotency_key')
    else sha256(convert_to(case p_job ->> 'key_scope'
      when 'type' then 't' || chr(30) || coalesce(p_job ->> 'tenant_id', '') || chr(31) || length(p_job ->> 'job_type') || ':' || (p_job ->> 'job_type')
      when 'queue' then 'q' || chr(30) || coalesce(p_job ->> 'tenant_id', '') || chr(31) || coalesce(p_job ->> 'queue', '')
      else 'a' || chr(30) end || chr(31) || (p_job ->> 'idempotency_key'), 'UTF8'))
  end
$$;

-- Frees those of p_hashes whose window is over and whose job has ended. Returns whether there were any.
-- Locks: job_keys rows in key order.
create or replace function :schema.free_keys(p_hashes bytea[], p_now timestamptz) returns boolean language plpgsql as $$
begin
  perform from :schema.job_keys k where k.key_hash = any (p_hashes) and k.taken_until <= p_now order by k.key_hash for update;
  delete from :schema.job_keys k where k.key_hash = any (p_hashes) and k.taken_until <= p_now
    and not exists (select from :schema.jobs j where j.id = k.job_id);
  return found;
end $$;

-- Gives a waiting job, locked by the caller, what p_job says.
create or replace function :schema.replace_job(j :schema.jobs, p_job jsonb, p_mode text) returns void language plpgsql as $$
declare
  v_changes jsonb := jsonb_build_object('payload', coalesce(p_job -> 'payload', 'null'), 'rich', coalesce(p_job -> 'rich', 'false'));
  v_group text := :schema.group_key(p_job ->> 'tenant_id', p_job ->> 'group_id', p_job ->> 'queue');
  v_now timestamptz := clock_timestamp();
begin
  if p_mode = 'debounce' then
    v_changes := v_changes || jsonb_build_object('run_at', greatest((p_job ->> 'run_at')::timestamptz, v_now, j.due_at));
  else
    v_changes := v_changes || jsonb_build_object('max_attempts', coalesce(p_job -> 'max_attempts', '3'),
      'priority', coalesce(p_job -> 'priority', '0'), 'timeout_ms', p_job -> 'timeout_ms', 'tags', p_job -> 'tags',
      'retry_delay', p_job -> 'retry_delay', 'retry_backoff', p_job -> 'retry_backoff', 'retry_delay_max', p_job -> 'retry_delay_max',
      'dead_letter_job_type', p_job -> 'dead_letter_job_type');
    if p_mode = 'replace' or j.attempts > 0 then
      v_changes := v_changes || jsonb_build_object('run_at', p_job -> 'run_at');
    elsif j.lane = 'p' then
      -- What paused it may not cover what it is now.
      v_changes := v_changes || jsonb_build_object('run_at', j.run_at);
    end if;
    update :schema.jobs o set attempts = 0, crashes = 0, next_attempt_at = null, failure_reason = null, job_type = p_job ->> 'job_type',
      force_kill = coalesce((p_job ->> 'force_kill')::boolean, false)
      where o.id = j.id;
    if v_group is distinct from j.group_key then
      if j.group_key is not null and (j.lane = 'r' or j.holds_place) then perform :schema.leave_groups(array[j.group_key]); end if;
      update :schema.jobs o set group_key = v_group, holds_place = null, ready_seq = nextval(':schema.job_ids'),
        lane = case when o.lane not in ('r', 'g', 'p') then o.lane when v_group is null then 'r' else 'g' end
        where o.id = j.id;
      if v_group is not null then insert into :schema.group_wakes (group_key) values (v_group); end if;
    end if;
    update :schema.jobs o set group_tier = coalesce(
        case when p_job ? 'queue' then nullif(p_job ->> 'queue_retries', 'hold') end, p_job ->> 'group_tier')
      where o.id = j.id;
  end if;
  perform :schema.edit_jobs(array[j.id], v_changes, false, jsonb_build_object('keyMode', p_mode));
end $$;
