-- What handlers said by ctx.log: the last lines of each job, in the order of id.
create table :schema.job_logs (
  id bigint generated always as identity,
  job_id bigint not null,
  at timestamptz not null,
  attempt integer not null,
  -- What the line counts for against the limit of its job.
  bytes integer not null,
  -- d debug, i info, w warn, e error
  level "char" not null,
  message text not null,
  fields jsonb,
  constraint job_logs_pkey primary key (job_id, id)
);

-- How much of each job is there, so that a limit needs no counting; and how many lines went for it.
create table :schema.job_log_sizes (
  job_id bigint not null,
  lines integer not null,
  bytes bigint not null,
  dropped bigint not null,
  constraint job_log_sizes_pkey primary key (job_id)
) with (fillfactor = 70);
