-- What SQL callers ask about jobs.

create or replace function :schema.job_status(job_id bigint) returns table (
  id bigint, job_type text, status text, attempts integer, max_attempts integer, run_at timestamptz, next_attempt_at timestamptz,
  locked_by text, progress integer, output jsonb, last_error jsonb, queue text, tenant_id text, created_at timestamptz, finished_at timestamptz
) language sql stable as $$
  select j.id, j.job_type,
    case j.state when 'x' then 'processing' when 'k' then 'completed' when 'f' then 'failed' when 'c' then 'cancelled'
      when 'w' then 'waiting' else 'pending' end,
    j.attempts, j.max_attempts, j.run_at, case when j.state = 'f' then j.next_attempt_at end,
    case when j.state = 'x' then j.locked_by end, j.progress::integer, j.output,
    (select e.value -> 'error' from jsonb_array_elements(j.log) with ordinality e(value, n) where e.value -> 'error' is not null
      order by e.n desc limit 1),
    :schema.queue_name(j.group_key, j.tenant_id), j.tenant_id, j.created_at, j.finished_at
  from (
    select l.*, case when l.lane = 'x' then 'x' when l.wait_until is not null or l.wait_token_id is not null then 'w'
      when l.next_attempt_at is not null then 'f' else 'p' end as state
    from (select o.id, o.job_type, o.attempts, o.max_attempts, o.run_at, o.next_attempt_at, o.locked_by, o.progress, o.output, o.log,
        o.group_key, o.tenant_id, o.created_at, o.finished_at, o.lane, o.wait_until, o.wait_token_id
      from :schema.jobs o where o.id = job_status.job_id) l
    union all
    select o.id, o.job_type, o.attempts, o.max_attempts, o.run_at, o.next_attempt_at, o.locked_by, o.progress, o.output, o.log,
        o.group_key, o.tenant_id, o.created_at, o.finished_at, o.lane, o.wait_until, o.wait_token_id, 'k'
      from :schema.finished_jobs o where o.id = job_status.job_id
    union all
    select o.id, o.job_type, o.attempts, o.max_attempts, o.run_at, null, o.locked_by, o.progress, o.output, o.log,
        o.group_key, o.tenant_id, o.created_at, o.finished_at, o.lane, o.wait_until, o.wait_token_id, o.status::text
      from :schema.failed_jobs o where o.id = job_status.job_id
  ) j
$$;
comment on function :schema.job_status(bigint) is
  'One job, live or ended: its status (pending, processing, completed, failed, cancelled, waiting), output and last error. Failed with a `next_attempt_at`: it will be tried again. No row: there is no such job.';

create or replace function :schema.stats() returns table (job_type text, status text, jobs bigint) language sql stable as $$
  select j.job_type, j.status, count(*) from (
    select l.job_type, case when l.lane = 'x' then 'processing' when l.wait_until is not null or l.wait_token_id is not null then 'waiting'
      when l.next_attempt_at is not null then 'retrying' when l.lane = 't' then 'scheduled' when l.lane = 'r' then 'ready' when l.lane = 'p' then 'paused'
      else 'blocked' end as status
    from :schema.jobs l
    union all
    select f.job_type, case f.status when 'f' then 'failed' else 'cancelled' end from :schema.failed_jobs f
  ) j group by j.job_type, j.status order by j.job_type, j.status
$$;
comment on function :schema.stats() is
  'Live, failed and cancelled jobs counted by type and state: ready, scheduled, retrying, blocked (by a group, a queue or a dependency), paused, waiting, processing, failed, cancelled. Reads every live row; completed jobs are history and not counted.';

create or replace function :schema.queue_stats() returns table (queue text, tenant_id text, jobs bigint, running_job_id bigint, locked_by text)
language sql stable as $$
  select :schema.queue_name(j.group_key, j.tenant_id), j.tenant_id, count(*),
    max(j.id) filter (where j.lane = 'x'), max(j.locked_by) filter (where j.lane = 'x')
  from :schema.jobs j where starts_with(j.group_key, chr(30)) group by j.group_key, j.tenant_id
$$;
comment on function :schema.queue_stats() is
  'Each named queue that has live jobs: how many, and which one runs now. Counted when asked, so that no two adds wait for one counter.';

comment on function :schema.check_invariants() is
  'One row per impossible thing that is stored; no row: all is well. Reads every live row.';
