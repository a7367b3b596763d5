-- Adds jobs: all or none, in one statement.
--   p_jobs    array of objects; `job_type` and `payload` are required, every other field has the column's default. `queue` is in place of
--             `group_id` (see queues.sql), `key_mode` says what becomes of a job that has the key already (see keys.sql),
--             `depends_on_job_ids` and the like what it waits for (see add_dependents)
--   p_nonce   names the batch, so that find_added can tell whether it took effect; 0: it will not be looked up
--   p_notify  notify sleeping workers when the transaction commits
-- Returns ids in input order (a keyed job that exists gives its id), created = null when every job is new, else a flag for
-- each, and whether some live
-- worker sleeps and was not notified.
-- Locks: the nonce (shared, advisory); job_keys rows in key order, for keyed jobs only.
create or replace function :schema.add_jobs(
  p_jobs jsonb, p_nonce bigint default null, p_notify boolean default true,
  out ids bigint[], out created boolean[], out sleepers boolean
) language plpgsql as $$
declare
  v_now timestamptz := clock_timestamp();
  v_limit text;
  v_missing bigint[];
begin
  if p_nonce is not null then
    -- On a connection of the client's own, which gives up after 30 s: a statement that still waited for a lock then could take effect
    -- after it was looked up in vain. A caller's transaction keeps its own setting. The lock on the nonce is what a look-up waits for:
    -- a server does not notice that the connection is gone, and goes on with what it was told.
    v_limit := set_config('lock_timeout', '20s', true) || pg_advisory_xact_lock_shared(nullif(p_nonce, 0))::text;
  elsif :schema.has_faulty_job(p_jobs) then
    -- Written in SQL: what our own client would not have sent.
    perform :schema.refuse_faulty_job(p_jobs);
  elsif jsonb_path_exists(p_jobs, '$[*] ? (exists (@.depends_on_job_ids) || exists (@.depends_on_tags))') then
    select a.ids, a.created, a.sleepers, a.missing into ids, created, sleepers, v_missing
      from :schema.add_dependents(p_jobs, null, p_notify, false, false) a;
    if v_missing is not null then
      raise exception 'depends_on_job_ids: one or more job ids do not exist (%)', array_to_string(v_missing, ', ')
        using errcode = '22023';
    end if;
    return;
  end if;
  if jsonb_path_exists(p_jobs, '$[*].idempotency_key') then
    select k.ids, k.created into ids, created from :schema.take_keys(p_jobs) k;
    select coalesce(jsonb_agg(x.value || jsonb_build_object('id', ids[x.n]) order by x.n), '[]') into p_jobs
      from jsonb_array_elements(p_jobs) with ordinality x(value, n) where created[x.n];
    if true = all (created) then created := null; end if;
    perform :schema.insert_jobs(p_jobs, p_nonce, v_now);
  else
    ids := :schema.insert_jobs(p_jobs, p_nonce, v_now);
  end if;
  ids := coalesce(ids, '{}');
  sleepers := exists (select from :schema.workers w where w.sleeping and w.expires_at > v_now);
  if p_notify and sleepers then
    perform :schema.notify_ready(p_jobs);
    sleepers := false;
  end if;
end $$;

-- Draws an id for each job and takes the keys of those that have one. A job whose key is in use gives the id that has it, and counts
-- as not created.
create or replace function :schema.take_keys(p_jobs jsonb, out ids bigint[], out created boolean[]) language plpgsql as $$
declare
  v_now timestamptz := clock_timestamp();
  v_own bigint[];
  v_has_all boolean;
  v_over bytea[];
begin
  -- The hash of an unscoped key is called directly: job_key_hash takes five times as long.
  -- Ids are drawn first, then keys are taken in key order, so that two batches with the same keys cannot deadlock. A key
  -- in use by an uncommitted transaction is waited for.
  select array_agg(nextval(':schema.job_ids') order by n) into v_own
    from generate_series(1, jsonb_array_length(p_jobs)) n;
  loop
    with keyed as (
      select case when x.value ? 'key_scope' then :schema.job_key_hash(x.value)
          else :schema.key_hash(x.value ->> 'tenant_id', x.value ->> 'idempotency_key') end as key_hash,
        v_own[x.n] as job_id, left(nullif(x.value ->> 'key_scope', 'tenant'), 1)::"char" as scope,
        v_now + (x.value ->> 'key_window_ms')::bigint * interval '1 millisecond' as taken_until
      from jsonb_array_elements(p_jobs) with ordinality x(value, n)
      where x.value ? 'idempotency_key'
    )
    insert into :schema.job_keys (key_hash, job_id, scope, taken_until)
      select distinct on (k.key_hash) k.key_hash, k.job_id, k.scope, k.taken_until from keyed k order by k.key_hash, k.job_id
      on conflict (key_hash) do nothing;
    if jsonb_path_exists(p_jobs, '$[*].key_mode') then perform :schema.apply_key_modes(p_jobs, v_own); end if;
    select array_agg(coalesce(k.job_id, v_own[x.n]) order by x.n),
        array_agg(k.job_id is null or k.job_id = v_own[x.n] order by x.n),
        bool_and(k.job_id is not null or not x.value ? 'idempotency_key'),
        array_agg(k.key_hash) filter (where k.taken_until <= v_now and k.job_id <> v_own[x.n])
      into ids, created, v_has_all, v_over
      from jsonb_array_elements(p_jobs) with ordinality x(value, n)
      left join :schema.job_keys k on k.key_hash = case when x.value ? 'key_scope' then :schema.job_key_hash(x.value)
          else :schema.key_hash(x.value ->> 'tenant_id', x.value ->> 'idempotency_key') end;
    -- A key that a clean-up freed between the two statements is taken in the next round, and so is one whose window is over.
    exit when v_has_all and (v_over is null or not :schema.free_keys(v_over, v_now));
  end loop;
end $$;

-- Inserts jobs; their ids, those that were given or the next ones. One with unmet dependencies waits in lane d; with nothing but its tag
-- barrier left it waits for its time first.
create or replace function :schema.insert_jobs(p_jobs jsonb, p_nonce bigint, p_now timestamptz) returns bigint[] language plpgsql as $$
declare
  v_ids bigint[];
begin
  with x as (
    select coalesce(x.id, nextval(':schema.job_ids')) as new_id, x.*,
      :schema.group_key(x.tenant_id, x.group_id, x.queue) as group_key
    from jsonb_to_recordset(p_jobs) as x(
      id bigint, job_type text, payload jsonb, priority integer, run_at timestamptz, max_attempts integer, timeout_ms bigint,
      force_kill boolean, tags text[], idempotency_key text, retry_delay double precision, retry_backoff boolean,
      retry_delay_max double precision, dead_letter_job_type text, group_id text, group_tier text, tenant_id text, rich boolean,
      queue text, queue_retries text, schedule jsonb, trace text,
      unmet integer, depends_on_job_ids bigint[], depends_on_tags text[], depends_on_names text[], on_failure "char")
  ), added as (
    insert into :schema.jobs (
      id, ready_seq, nonce, created_at, run_at, due_at, timeout_ms, retry_delay, retry_delay_max, priority, attempts,
      max_attempts, crashes, unmet, log_dropped, lane, rich, force_kill, retry_backoff, job_type, payload, tags, idempotency_key,
      tenant_id, group_key, group_tier, dead_letter_job_type, depends_on_job_ids, depends_on_tags, depends_on_names, on_failure, schedule,
      trace)
    select x.new_id, x.new_id, p_nonce, p_now, coalesce(x.run_at, p_now),
      case when x.run_at > p_now and (x.unmet is null or x.unmet = 0 or (x.unmet = 1 and x.depends_on_tags is not null))
        then x.run_at end,
      x.timeout_ms, x.retry_delay, x.retry_delay_max, coalesce(x.priority, 0), 0,
      coalesce(x.max_attempts, 3), 0, coalesce(x.unmet, 0), 0,
      case when x.unmet > 0 and not (x.unmet = 1 and x.depends_on_tags is not null and coalesce(x.run_at > p_now, false)) then 'd'
        when x.run_at > p_now then 't' when x.group_key is not null then 'g' else 'r' end::"char",
      coalesce(x.rich, false), coalesce(x.force_kill, false), x.retry_backoff, x.job_type, coalesce(x.payload, 'null'), x.tags, x.idempotency_key,
      x.tenant_id, x.group_key, coalesce(case when x.queue is not null then nullif(x.queue_retries, 'hold') end, x.group_tier),
      x.dead_letter_job_type, x.depends_on_job_ids, x.depends_on_tags, x.depends_on_names, x.on_failure,
      x.schedule,
      -- A trace is never worth an error: one too long to be one is dropped, as those who pass it on do.
      case when length(x.trace) between 1 and 1000 then x.trace end
    from x
    returning id
  )
  select array_agg(a.id order by a.id) into v_ids from added a;

  if jsonb_path_exists(p_jobs, '$[*] ? (exists (@.group_id) || exists (@.queue))') then
    insert into :schema.group_wakes (group_key)
      select distinct :schema.group_key(x.tenant_id, x.group_id, x.queue)
      from jsonb_to_recordset(p_jobs) as x(group_id text, tenant_id text, queue text) where x.group_id is not null or x.queue is not null;
  end if;
  return v_ids;
end $$;

-- Wakes sleeping workers when the transaction commits, naming the levels that gained jobs.
create or replace function :schema.notify_ready(p_jobs jsonb) returns void language plpgsql as $$
declare
  v_priorities text;
begin
  select string_agg(distinct coalesce(x.priority, 0)::text, ',') into v_priorities from jsonb_to_recordset(p_jobs) as x(priority integer);
  -- A notification holds 8,000 bytes; a worker that gets no list looks at every level.
  perform pg_notify(':channel', case when length(v_priorities) < 1000 then 'r' || v_priorities else 'r' end);
end $$;

create or replace function :schema.key_hash(p_tenant text, p_key text) returns bytea language sql immutable parallel safe as $$
  select sha256(convert_to(coalesce(p_tenant, '') || chr(31) || p_key, 'UTF8'))
$$;

-- The ids that a batch created, in order, or null if it never took effect. Ids below p_since are not looked at. Whoever asks has waited
-- for the lock on the nonce before, in a transaction that has ended: what an add has done under it is then seen, at any isolation.
-- A standby that is about to be promoted answers nothing: it may have what it has not replayed yet. What comes after the question whether
-- it is one sees all that it had when it was promoted (a standby knows no serializable transactions, which would have looked before).
create or replace function :schema.find_added(p_nonce bigint, p_since bigint) returns bigint[] language plpgsql volatile as $$
begin
  if pg_is_in_recovery() then raise exception 'this server is a standby' using errcode = '25006'; end if;
  return (
    select array_agg(a.id order by a.id) from (
      select j.id from :schema.jobs j where j.id > p_since and j.nonce = p_nonce
      union all
      select j.id from :schema.finished_jobs j where j.id > p_since and j.nonce = p_nonce
      union all
      select j.id from :schema.failed_jobs j where j.id > p_since and j.nonce = p_nonce
    ) a);
end $$;
