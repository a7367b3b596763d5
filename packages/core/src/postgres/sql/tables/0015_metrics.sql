-- What ended in each minute, added up over workers. Buckets: how many took at most so long (see model/metrics.ts), without trailing zeros.
create table :schema.metrics (
  minute timestamptz not null,
  job_type text not null,
  -- Empty: of jobs in no queue.
  queue text not null,
  completed bigint not null,
  retried bigint not null,
  failed bigint not null,
  run_ms double precision not null,
  run_buckets bigint[] not null,
  wait_ms double precision not null,
  wait_buckets bigint[] not null,
  constraint metrics_pkey primary key (minute, job_type, queue)
);

-- The same since ever, so that what counts can only grow.
create table :schema.metric_totals (
  job_type text not null,
  queue text not null,
  changed_at timestamptz not null,
  completed bigint not null,
  retried bigint not null,
  failed bigint not null,
  run_ms double precision not null,
  run_buckets bigint[] not null,
  wait_ms double precision not null,
  wait_buckets bigint[] not null,
  constraint metric_totals_pkey primary key (job_type, queue)
) with (fillfactor = 70);
