-- Keys that are unique within something else than a tenant, and keys that stay taken for a while whatever becomes of their job.

-- Null: the tenant; t: the job type within it, q: the queue within it, a: everything.
alter table :schema.job_keys add column scope "char";
-- Until then nobody else gets it, even if its job has ended and is forgotten; after it, its job keeps it only while it lives. Null: it
-- is its job's for as long as that is remembered.
alter table :schema.job_keys add column taken_until timestamptz;
create index job_keys_until on :schema.job_keys (taken_until) where taken_until is not null;
