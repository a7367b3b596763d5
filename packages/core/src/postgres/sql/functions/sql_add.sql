-- Adds one job; for producers in any language. Runs with the owner's rights, so that a role that may add need not be able to read
-- anybody's payloads: nobody may call it but the owner and whom grant_producer names.
-- Returns the job's id, or that of the job that has the key.
-- Locks: the key's row, for a keyed job only.
create or replace function :schema.add_job(
  job_type text, payload jsonb default '{}', run_at timestamptz default null, priority integer default 0,
  max_attempts integer default 3, key text default null, key_mode text default 'reuse', queue text default null,
  queue_retries text default 'hold', group_id text default null, tenant_id text default null, tags text[] default null,
  timeout_ms bigint default null, retry_delay double precision default null, retry_backoff boolean default null,
  retry_delay_max double precision default null, dead_letter_job_type text default null
) returns bigint language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_job jsonb := jsonb_strip_nulls(jsonb_build_object(
    'job_type', job_type, 'run_at', run_at, 'priority', nullif(priority, 0), 'max_attempts', max_attempts, 'idempotency_key', key,
    'key_mode', nullif(key_mode, 'reuse'), 'queue', queue, 'queue_retries', nullif(queue_retries, 'hold'), 'group_id', group_id,
    'tenant_id', tenant_id, 'tags', tags, 'timeout_ms', timeout_ms, 'retry_delay', retry_delay, 'retry_backoff', retry_backoff,
    'retry_delay_max', retry_delay_max, 'dead_letter_job_type', dead_letter_job_type));
  v_ids bigint[];
begin
  perform :schema.check_tenant(tenant_id);
  -- Beside the stripping of nulls: those of a payload stay.
  select a.ids into v_ids from :schema.add_jobs(jsonb_build_array(v_job || jsonb_build_object('payload', coalesce(payload, 'null')))) a;
  return v_ids[1];
end $$;
revoke all on function :schema.add_job(text, jsonb, timestamptz, integer, integer, text, text, text, text, text, text, text[], bigint,
  double precision, boolean, double precision, text) from public;
comment on function :schema.add_job(text, jsonb, timestamptz, integer, integer, text, text, text, text, text, text, text[], bigint,
  double precision, boolean, double precision, text) is
  'Adds a job and answers its id. `key` makes it unique per tenant; `key_mode` says what becomes of a job that has the key: `reuse` (it stays as it is), `replace`, `preserve_run_at`, `debounce`. `queue` names a serial lane, `queue_retries` whether a retry keeps its place there (`hold`) or lets others pass (`pass`). Delays are in seconds.';

-- Adds one job under a key that is unique within something else than its tenant, or for a time. Rights as of add_job.
create or replace function :schema.add_unique_job(
  job_type text, key text, payload jsonb default '{}', key_scope text default 'tenant', key_window interval default null,
  key_mode text default 'reuse', run_at timestamptz default null, priority integer default 0, max_attempts integer default 3,
  queue text default null, queue_retries text default 'hold', group_id text default null, tenant_id text default null,
  tags text[] default null, timeout_ms bigint default null, retry_delay double precision default null,
  retry_backoff boolean default null, retry_delay_max double precision default null, dead_letter_job_type text default null
) returns bigint language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_job jsonb := jsonb_strip_nulls(jsonb_build_object(
    'job_type', job_type, 'run_at', run_at, 'priority', nullif(priority, 0), 'max_attempts', max_attempts,
    'key_scope', nullif(key_scope, 'tenant'), 'key_window_ms', floor(extract(epoch from key_window) * 1000),
    'key_mode', nullif(key_mode, 'reuse'), 'queue', queue, 'queue_retries', nullif(queue_retries, 'hold'), 'group_id', group_id,
    'tenant_id', tenant_id, 'tags', tags, 'timeout_ms', timeout_ms, 'retry_delay', retry_delay, 'retry_backoff', retry_backoff,
    'retry_delay_max', retry_delay_max, 'dead_letter_job_type', dead_letter_job_type));
  v_ids bigint[];
begin
  perform :schema.check_tenant(tenant_id);
  -- A key of everybody would tell one tenant of another's.
  if key_scope = 'all' then perform :schema.check_unconfined(); end if;
  select a.ids into v_ids from :schema.add_jobs(jsonb_build_array(
    v_job || jsonb_build_object('payload', coalesce(payload, 'null'), 'idempotency_key', key))) a;
  return v_ids[1];
end $$;
revoke all on function :schema.add_unique_job(text, text, jsonb, text, interval, text, timestamptz, integer, integer, text, text, text, text,
  text[], bigint, double precision, boolean, double precision, text) from public;
comment on function :schema.add_unique_job(text, text, jsonb, text, interval, text, timestamptz, integer, integer, text, text, text, text,
  text[], bigint, double precision, boolean, double precision, text) is
  'As add_job, with a key that is unique within `key_scope`: its `tenant`, or there its `type` or `queue`, or `all` (with `reuse` only, and not for a role that is confined to tenants). With `key_window` the key is taken for that long from now, even if its job has ended and is forgotten, and after that only while the job is unended; without, for as long as the job is stored.';
comment on function :schema.add_jobs(jsonb, bigint, boolean) is
  'Adds an array of jobs, all or none: objects with job_type, payload and any of priority, run_at, max_attempts, timeout_ms, force_kill, tags, idempotency_key, key_mode, key_scope, key_window_ms, retry_delay, retry_backoff, retry_delay_max, dead_letter_job_type, group_id, queue, queue_retries, tenant_id, trace (of W3C: its `traceparent`). The other parameters are for clients that look up lost replies.';
