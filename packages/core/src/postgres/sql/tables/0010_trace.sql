-- The trace that a job was added in, for the spans of its attempts: what travels with a message. Null for nearly every job, and last:
-- a null at the end of a row takes no room. Completed jobs do not keep it.
alter table :schema.jobs add column trace text;
alter table :schema.finished_jobs add column trace text;
alter table :schema.failed_jobs add column trace text;
