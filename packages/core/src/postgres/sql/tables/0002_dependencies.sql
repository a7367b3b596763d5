-- Jobs that wait for other jobs. `jobs.unmet` is the number of a job's rows in job_dependencies that do not watch, and one more while
-- its tag barrier is closed; it leaves lane d when that reaches 0.

-- What to do when a prerequisite fails for good or is cancelled: null cancels the job, r runs it all the same, w waits until the
-- prerequisite has completed after all.
alter table :schema.jobs add column on_failure "char", add column depends_on_names text[];
alter table :schema.failed_jobs add column on_failure "char", add column depends_on_names text[];

-- `job_id` waits for the end of `on_job_id`. A watching row belongs to a tag barrier: of all the jobs that close it, the one whose end
-- makes it worth looking again. Only what is still open is here: users without dependencies probe an empty table.
create table :schema.job_dependencies (
  on_job_id bigint not null,
  job_id bigint not null,
  watch boolean not null,
  constraint job_dependencies_pkey primary key (on_job_id, job_id)
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
create index job_dependencies_job on :schema.job_dependencies (job_id, on_job_id);

-- Closed tag barriers, found by the first of their tags, which every job that closes one has.
create table :schema.tag_barriers (
  job_id bigint not null,
  first_tag text not null,
  tags text[] not null,
  tenant_id text,
  constraint tag_barriers_pkey primary key (job_id)
);
create index tag_barriers_tag on :schema.tag_barriers (first_tag);

-- What any node has to look at soon. Adders and settlers only append here and never wait for the rows of others: a caller's long
-- transaction cannot hold up a settlement.
--   e  job_id has ended as `outcome` (k completed, f failed or cancelled), and not all of its dependents have been told
--   c  the prerequisites of job_id from from_id to to_id may have ended before anybody could know that it waits for them; if
--      `patient`, failures of the past do not count
--   b  the tag barrier of job_id may be open
create table :schema.dependency_wakes (
  id bigint generated always as identity,
  kind "char" not null,
  job_id bigint not null,
  outcome "char",
  root_id bigint,
  from_id bigint not null default 0,
  to_id bigint not null default 9223372036854775807,
  patient boolean not null default false,
  constraint dependency_wakes_pkey primary key (id)
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
create index dependency_wakes_job on :schema.dependency_wakes (job_id);
