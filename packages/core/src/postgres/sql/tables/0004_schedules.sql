-- Schedules, their ticks, and what a job remembers of both its schedule and the version of the handler it began under.

create table :schema.schedules (
  id bigint generated always as identity,
  name text not null,
  tenant_id text,
  -- Who declared it in code; null: it was added at run time.
  owner text,
  -- a active, p paused
  status "char" not null,
  -- Counts edits: what was worked out from an older definition has no effect.
  revision bigint not null,
  -- When it is due, as the client reads it: {"kind": "cron", "expression", "timezone"} or {"kind": "every", "everyMs", "anchorMs"}.
  -- Further kinds need no further columns: SQL never looks inside.
  rule jsonb not null,
  -- Whose calendar once_per counts by.
  timezone text not null,
  starts_at timestamptz,
  ends_at timestamptz,
  allow_overlap boolean not null,
  -- s skip, o one, a all
  catch_up "char" not null,
  catch_up_limit integer not null,
  grace_ms bigint not null,
  jitter_ms bigint not null,
  -- A field of date_trunc: at most one job in each such period.
  once_per text,
  -- The job of each tick, as add_jobs takes it.
  job jsonb not null,
  -- The next tick; null: never again.
  next_run_at timestamptz,
  last_tick_at timestamptz,
  last_period timestamp,
  last_enqueued_at timestamptz,
  last_job_id bigint,
  last_skipped_at timestamptz,
  last_skip "char",
  created_at timestamptz not null,
  updated_at timestamptz not null,
  constraint schedules_pkey primary key (id)
) with (fillfactor = 70);
create unique index schedules_name on :schema.schedules (coalesce(tenant_id, ''), name);
create index schedules_due on :schema.schedules (next_run_at) where status = 'a';

-- One row per tick that has been dealt with: the net under the compare-and-set of next_run_at, and the history of a schedule.
create table :schema.schedule_ticks (
  schedule_id bigint not null,
  tick_at timestamptz not null,
  -- j a job was added, r on request; none: o the one before had not finished, m it was missed, p its period had one, u somebody asked
  outcome "char" not null,
  job_id bigint,
  fired_at timestamptz not null,
  constraint schedule_ticks_pkey primary key (schedule_id, tick_at),
  constraint schedule_ticks_schedule foreign key (schedule_id) references :schema.schedules (id) on delete cascade
);

-- Last, and null for nearly every job: a null at the end of a row takes no room.
--   handler_version  of the handler that the job first started under; null: none was declared
--   schedule         {id, name, tick, manual?} of a job that a schedule added
alter table :schema.jobs add column handler_version integer, add column schedule jsonb;
alter table :schema.finished_jobs add column handler_version integer, add column schedule jsonb;
alter table :schema.failed_jobs add column handler_version integer, add column schedule jsonb;
