-- Keys whose job is to be changed rather than left alone, when an add meets a job that has the key (key_mode):
--   reuse            the default: the job stays as it is, in whatever state
--   replace          a job that waits takes everything over, due time included, and starts from its first attempt
--   preserve_run_at  the same, but a job that has not been tried keeps its due time
--   debounce         a job that waits takes payload and due time over, the latter only if later; the rest stays
-- A job that executes, has suspended itself or has ended is left alone, and the key passes to a new job.
--
--   p_jobs  as add_jobs takes them;  p_own  the ids drawn for them
-- Locks: job_keys rows in key order, each before its job.
create or replace function :schema.apply_key_modes(p_jobs jsonb, p_own bigint[]) returns void language plpgsql as $$
declare
  x record;
  v_holder bigint;
  v_job :schema.jobs;
begin
  for x in
    select p_own[i.n] as own, i.value as job, h.key_hash, i.value ->> 'key_mode' as mode
    from jsonb_array_elements(p_jobs) with ordinality i(value, n)
    cross join lateral (select :schema.key_hash(i.value ->> 'tenant_id', i.value ->> 'idempotency_key') as key_hash) h
    where i.value ? 'idempotency_key' and i.value ->> 'key_mode' <> 'reuse'
    order by h.key_hash, i.n
  loop
    select k.job_id into v_holder from :schema.job_keys k where k.key_hash = x.key_hash for update;
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
    else
      update :schema.job_keys k set job_id = x.own where k.key_hash = x.key_hash;
    end if;
  end loop;
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
