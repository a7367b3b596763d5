-- Claims jobs for a worker that has no row of its own: each job is leased to it until a time, under a fencing token that every later
-- call about the attempt must name. Also does what a processor's housekeeping does, so that due jobs and crashed workers are seen to
-- where no processor runs.
--   p_foreign  only jobs of the compatibility schema (see app_jobs)
-- Whoever calls it sets how it is planned, once for all that the call does. Whatever the statistics say: a plan cached while the table was
-- empty is a scan when it is full. And one plan for all calls: an array of one is planned anew each time otherwise, which costs three
-- times the claim.
-- Locks: expired claims and their jobs, timed rows, paused rows, group rows and ready rows (skip locked).
create or replace function :schema.claim_for_sql(
  p_worker_id text, p_job_types text[], p_limit integer, p_lease interval, p_foreign boolean
) returns setof :schema.jobs language plpgsql as $$
declare
  v_now timestamptz := clock_timestamp();
  v_ids bigint[];
  v_token bigint;
  v_has_pauses boolean := false;
begin
  if coalesce(p_worker_id, '') = '' then
    raise exception '`worker_id` must be a text that is not empty' using errcode = '22023',
      hint = 'Give each running worker an id of its own, new at every start.';
  end if;
  if p_lease is null or p_lease < interval '1 second' then
    raise exception '`lease` must be at least one second, not %', p_lease using errcode = '22023';
  end if;
  if p_limit is null or p_limit not between 1 and 10000 then
    raise exception '`max_jobs` must be between 1 and 10000, not %', p_limit using errcode = '22023';
  end if;
  -- Of one statement: each costs as much as all of these probes.
  if exists (select from :schema.workers w where w.expires_at < v_now)
      or exists (select from :schema.sql_leases l where l.lease_until < v_now)
      or exists (select from :schema.leases l where not exists (select from :schema.workers w where w.id = l.worker))
      or exists (select from :schema.jobs j where j.lane = 't' and j.due_at <= v_now)
      or exists (select from :schema.dependency_wakes) or exists (select from :schema.group_wakes) then
    perform :schema.rescue(v_now);
    if exists (select from :schema.jobs j where j.lane = 't' and j.due_at <= v_now) then perform :schema.promote(v_now); end if;
    if exists (select from :schema.dependency_wakes) then perform :schema.serve_dependencies(v_now); end if;
    if exists (select from :schema.group_wakes) then perform :schema.serve_group_wakes(); end if;
  end if;
  if exists (select from :schema.pauses) then
    v_has_pauses := true;
    perform :schema.release_paused(v_now);
  end if;
  for v_round in 1 .. 5 loop
    if p_foreign then
      v_ids := array(
        select j.id from :schema.jobs j
        where j.lane = 'r' and (p_job_types is null or j.job_type = any (p_job_types)) and :schema.is_uuid(j.tenant_id) and not j.rich
          and j.handler_version is null
        order by j.priority desc, j.ready_seq limit p_limit for update skip locked);
    else
      v_ids := array(
        select j.id from :schema.jobs j
        -- A job that began under a version of a handler is for workers that declare it.
        where j.lane = 'r' and (p_job_types is null or j.job_type = any (p_job_types)) and j.handler_version is null
        order by j.priority desc, j.ready_seq limit p_limit for update skip locked);
    end if;
    if v_ids = '{}' then return; end if;
    exit when not v_has_pauses;
    v_ids := :schema.park_paused(v_ids, v_now);
    exit when v_ids <> '{}';
    perform :schema.park_head(v_now);
  end loop;
  if v_ids = '{}' then return; end if;
  v_token := nextval(':schema.lease_tokens');
  return query
    with u as (
      update :schema.jobs j set
        lane = 'x', token = v_token, worker = null, lease_until = v_now + p_lease, locked_by = p_worker_id, claimed_at = v_now,
        started_at = coalesce(j.started_at, v_now), attempts = j.attempts + 1, pending_reason = null,
        progress = case when j.wait_until is null and j.wait_token_id is null then null else j.progress end,
        output = case when j.wait_until is null and j.wait_token_id is null then null else j.output end,
        wait_until = null, wait_token_id = null,
        last_retried_at = case when j.next_attempt_at is null then j.last_retried_at else v_now end, next_attempt_at = null
      where j.id = any (v_ids)
      returning j.*
    ), l as (
      insert into :schema.sql_leases (job_id, token, lease_until) select u.id, v_token, v_now + p_lease from u
    )
    select * from u order by u.priority desc, u.ready_seq;
end $$;

-- Whether a tenant's id is one that app_jobs can show. Not by a regular expression: each row would cost 5 us.
create or replace function :schema.is_uuid(p_text text) returns boolean language sql immutable as $$
  select p_text like '________-____-____-____-____________' and translate(p_text, '0123456789abcdef', '') = '----'
$$;

create or replace function :schema.get_jobs(
  worker_id text, job_types text[] default null, max_jobs integer default 1, lease interval default '5 minutes'
) returns table (
  job_id bigint, token bigint, job_type text, payload jsonb, attempt integer, max_attempts integer, priority integer,
  run_at timestamptz, created_at timestamptz, lease_until timestamptz, timeout_ms bigint, tags text[], key text, queue text,
  group_id text, tenant_id text, rich boolean
) language sql volatile
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off set plan_cache_mode = force_generic_plan as $$
  select j.id, j.token, j.job_type, j.payload, j.attempts, j.max_attempts, j.priority, j.run_at, j.created_at, j.lease_until,
    j.timeout_ms, j.tags, j.idempotency_key, :schema.queue_name(j.group_key, j.tenant_id), :schema.group_id(j.group_key, j.tenant_id),
    j.tenant_id, j.rich
  from :schema.claim_for_sql(get_jobs.worker_id, get_jobs.job_types, get_jobs.max_jobs, get_jobs.lease, false) j
$$;
comment on function :schema.get_jobs(text, text[], integer, interval) is
  'Claims up to `max_jobs` ready jobs, of these types or any, highest priority first. Each is yours until `lease_until`; every later call about the attempt names its `job_id` and `token`. No row: nothing to do now. `rich` payloads hold values that JSON cannot, in an encoding of the TypeScript client.';

-- Locks: the claim's row, then the job's, as a rescue takes them.
create or replace function :schema.heartbeat_job(
  job_id bigint, token bigint, lease interval default '5 minutes', progress integer default null,
  out is_held boolean, out is_cancelled boolean
) language plpgsql as $$
declare
  v_until timestamptz := clock_timestamp() + lease;
begin
  if lease is null or lease < interval '1 second' then
    raise exception '`lease` must be at least one second, not %', lease using errcode = '22023';
  end if;
  if progress not between 0 and 100 then
    raise exception '`progress` must be between 0 and 100, not %', progress using errcode = '22023';
  end if;
  update :schema.sql_leases l set lease_until = v_until where l.job_id = heartbeat_job.job_id and l.token = heartbeat_job.token;
  if found then
    update :schema.jobs j set lease_until = v_until, progress = coalesce(heartbeat_job.progress, j.progress)
      where j.id = heartbeat_job.job_id and j.token = heartbeat_job.token and j.lane = 'x'
      returning j.cancel_requested_at is not null into is_cancelled;
  end if;
  is_held := is_cancelled is not null;
  is_cancelled := coalesce(is_cancelled, false);
end $$;
comment on function :schema.heartbeat_job(bigint, bigint, interval, integer) is
  'Holds a claimed job for another `lease` from now, and may set its progress (0 to 100). `is_held` false: the job is no longer yours, stop. `is_cancelled`: somebody asked to cancel it; stop and call fail_job, which then ends it as cancelled.';
