-- The tables of one instance. Frozen once released: later changes are further files.
--
-- A live job is in `jobs`; a completed one in `finished_jobs`, a finally failed or cancelled one in `failed_jobs`. The three
-- have the same columns, so that a job moves between them whole. `lane` says what a live job waits for:
--   r ready         in the ready index, at (priority desc, ready_seq)
--   t timed         for due_at: scheduled, between two attempts, snoozed, or a timed wait
--   g group         for a place in its group
--   d dependencies  for jobs it depends on
--   w wait          for a token or signal
--   x executing     leased to a worker under `token`
-- The public status follows from it: executing = processing; waiting if it suspended itself; failed if next_attempt_at is set;
-- else pending.

create sequence :schema.job_ids as bigint;
-- Fencing tokens. Never reset, never derived from a counter of the job: a value is used by one claim only.
create sequence :schema.lease_tokens as bigint;

create table :schema.jobs (
  -- First what is never null and of fixed width: an update compares the indexed columns of old and new row, and finds these
  -- without walking the tuple.
  id bigint not null,
  ready_seq bigint not null,
  created_at timestamptz not null,
  run_at timestamptz not null,
  priority integer not null,
  attempts integer not null,
  max_attempts integer not null,
  crashes integer not null,
  unmet integer not null,
  log_dropped integer not null,
  lane "char" not null,
  rich boolean not null,
  force_kill boolean not null,
  retry_backoff boolean,
  status "char",
  progress smallint,
  token bigint,
  worker bigint,
  nonce bigint,
  claimed_at timestamptz,
  started_at timestamptz,
  job_type text not null,
  payload jsonb not null,
  locked_by text,
  due_at timestamptz,
  finished_at timestamptz,
  next_attempt_at timestamptz,
  last_failed_at timestamptz,
  last_retried_at timestamptz,
  last_cancelled_at timestamptz,
  changed_at timestamptz,
  cancel_requested_at timestamptz,
  dead_lettered_at timestamptz,
  lease_until timestamptz,
  wait_until timestamptz,
  timeout_ms bigint,
  dead_letter_job_id bigint,
  retry_delay double precision,
  retry_delay_max double precision,
  tags text[],
  idempotency_key text,
  tenant_id text,
  group_key text,
  group_tier text,
  dead_letter_job_type text,
  failure_reason text,
  pending_reason text,
  wait_token_id text,
  depends_on_job_ids bigint[],
  depends_on_tags text[],
  output jsonb,
  log jsonb,
  -- No check constraints: setting four up costs each insert 25 us, half of what a single add costs the server. What they would
  -- say is in check_invariants.
  constraint jobs_pkey primary key (id)
) with (
  -- Every job leaves this table, so dead rows come at the rate of work: vacuum early, in small bites.
  autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000,
  autovacuum_analyze_scale_factor = 0.2, autovacuum_analyze_threshold = 5000,
  autovacuum_vacuum_cost_delay = 1
);

create index jobs_ready on :schema.jobs (priority desc, ready_seq) where lane = 'r';
create index jobs_due on :schema.jobs (due_at) where lane = 't';
create index jobs_group on :schema.jobs (group_key, priority desc, ready_seq) where lane = 'g';
create index jobs_tags on :schema.jobs using gin (tags) where tags is not null;

-- Completed jobs by day of completion: retention drops whole partitions, and history never slows a claim.
create table :schema.finished_jobs (like :schema.jobs) partition by range (finished_at);
create index finished_jobs_id on :schema.finished_jobs (id);
create index finished_jobs_tags on :schema.finished_jobs using gin (tags) where tags is not null;
-- The net for a day whose partition could not be made in time.
create table :schema.finished_jobs_default partition of :schema.finished_jobs default;

-- Finally failed ('f') and cancelled ('c') jobs, kept until retried, redriven or cleaned up on request.
create table :schema.failed_jobs (
  like :schema.jobs,
  constraint failed_jobs_pkey primary key (id),
  constraint failed_jobs_status check (status in ('f', 'c'))
);
create index failed_jobs_status_id on :schema.failed_jobs (status, id);
create index failed_jobs_tags on :schema.failed_jobs using gin (tags) where tags is not null;

-- One row per idempotency key in use, by the SHA-256 of tenant and key (a key can be longer than an index entry).
create table :schema.job_keys (
  key_hash bytea not null,
  job_id bigint not null,
  constraint job_keys_pkey primary key (key_hash)
);
create index job_keys_job on :schema.job_keys (job_id);

-- One row per running processor. Silent past expires_at, it loses all its leases in one statement.
create table :schema.workers (
  id bigint generated always as identity,
  worker_id text not null,
  host text not null,
  pid integer not null,
  version text not null,
  concurrency integer not null,
  group_concurrency integer,
  job_types text[],
  started_at timestamptz not null,
  last_seen_at timestamptz not null,
  expires_at timestamptz not null,
  -- Whether it wants to be notified of new work.
  sleeping boolean not null,
  constraint workers_pkey primary key (id)
) with (fillfactor = 50);

-- What each claim took, until all of it is settled: finds the jobs of a dead worker without an index that every claim of every job
-- would have to keep (measured: 1.7 of 16 us a job).
create table :schema.leases (
  token bigint not null,
  worker bigint not null,
  job_ids bigint[] not null,
  constraint leases_pkey primary key (worker, token)
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

-- A group that has had work: how many of its jobs are ready or running now.
create table :schema.groups (
  group_key text not null,
  active integer not null,
  -- A limit of this group's own; null takes settings.group_limit.
  max_active integer,
  constraint groups_pkey primary key (group_key),
  constraint groups_active check (active >= 0)
) with (fillfactor = 50);

-- Groups that gained waiting jobs, or whose jobs gave up places. Adders and settlers only append here and never wait for a group's
-- row: a caller's long transaction cannot hold up a group, and no two transactions can wait for each other's groups.
create table :schema.group_wakes (
  id bigint generated always as identity,
  group_key text not null,
  places integer not null default 0,
  constraint group_wakes_pkey primary key (id)
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

-- Running attempts that must stop: cancelled by somebody, or lost to a retry that did not wait for them.
create table :schema.cancel_requests (
  job_id bigint not null,
  token bigint not null,
  worker bigint not null,
  lost boolean not null,
  constraint cancel_requests_pkey primary key (job_id, token)
);
create index cancel_requests_worker on :schema.cancel_requests (worker);

create table :schema.settings (
  only_row boolean not null default true,
  -- The smallest group_concurrency among live workers; null: no limit.
  group_limit integer,
  constraint settings_pkey primary key (only_row),
  constraint settings_only_row check (only_row)
);
insert into :schema.settings (group_limit) values (null);
