-- What is paused. A job is when every field that a pause names is its own; one that names nothing covers all jobs.
create table :schema.pauses (
  id bigint generated always as identity,
  job_type text,
  -- As of jobs: with the tenant in front, and with U+001E before it for a queue.
  group_key text,
  tenant_id text,
  reason text,
  paused_by text,
  paused_at timestamptz not null,
  -- Null: until it is resumed.
  paused_until timestamptz,
  -- It no longer holds, and stays only until the last of its jobs is back.
  resumed_at timestamptz,
  constraint pauses_pkey primary key (id)
);
create unique index pauses_scope on :schema.pauses (coalesce(job_type, ''), coalesce(group_key, ''), coalesce(tenant_id, ''));

-- Jobs that a claim met and a pause kept from running: they are in lane p meanwhile, out of the ready index, and go back in the order
-- of ready_seq. A row beside the jobs instead of an index on jobs, which every add would have to open. One whose job is not in lane p
-- any more says nothing, and goes when its pause does.
create table :schema.paused_jobs (
  pause_id bigint not null,
  ready_seq bigint not null,
  job_id bigint not null,
  constraint paused_jobs_pkey primary key (pause_id, ready_seq, job_id)
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
