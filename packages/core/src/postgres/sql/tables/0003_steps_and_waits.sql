-- What a job remembers between two runs of its handler, and what it can wait for.

create sequence :schema.step_ids as bigint;

-- One row per step, wait or token of a job: never a blob that grows. `key` says which:
--   s:<name>  a step               kind s
--   n:<name>  a wait with a name   kind t (a time), w (a token), g (a signal) or e (an event)
--   p:<n>     the n-th wait without one
--   k:<n>     the n-th token that the handler made; kind k
-- The number of a wait or token made within a step counts from that step: p:<step>/<n>.
create table :schema.job_steps (
  job_id bigint not null,
  -- Order of first writing, and of ending: what finished resolves again in the order in which it finished.
  seq bigint not null,
  ended_seq bigint,
  -- The lease it was written under.
  token bigint not null,
  attempt integer not null,
  tries integer not null,
  kind "char" not null,
  -- d done; f failed, to be tried again; p pending, of a wait
  status "char" not null,
  rich boolean not null,
  timed_out boolean not null,
  started_at timestamptz not null,
  ended_at timestamptz,
  wait_until timestamptz,
  key text not null,
  -- A token's id, signal:<name> or event:<name>.
  awaited text,
  filter jsonb,
  result jsonb,
  error jsonb,
  constraint job_steps_pkey primary key (job_id, key)
) with (autovacuum_vacuum_scale_factor = 0.05);
-- Finds who waits for a token or an event.
create index job_steps_awaited on :schema.job_steps (awaited) where status = 'p' and kind in ('w', 'e');

create table :schema.tokens (
  id text not null,
  -- The job whose handler made it.
  job_id bigint,
  created_at timestamptz not null,
  timeout_at timestamptz,
  completed_at timestamptz,
  -- w waiting, c completed, t timed out
  status "char" not null,
  rich boolean not null,
  output jsonb,
  tags text[],
  constraint tokens_pkey primary key (id)
);
create index tokens_timeout on :schema.tokens (timeout_at) where status = 'w' and timeout_at is not null;
create index tokens_job on :schema.tokens (job_id) where job_id is not null;

-- Signals that their job has not awaited yet.
create table :schema.job_signals (
  id bigint generated always as identity,
  job_id bigint not null,
  created_at timestamptz not null,
  rich boolean not null,
  name text not null,
  data jsonb not null,
  constraint job_signals_pkey primary key (id)
);
create index job_signals_job on :schema.job_signals (job_id, name, id);
