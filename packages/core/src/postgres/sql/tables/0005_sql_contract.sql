-- What jobs worked in SQL need, and tenants of roles.

-- Claims made without a worker's row, by SQL: until when each holds. A row whose attempt has ended is harmless; it goes when its time
-- is up. Beside the jobs instead of an index on jobs.lease_until, which every claim of every job would have to keep.
create table :schema.sql_leases (
  job_id bigint not null,
  token bigint not null,
  lease_until timestamptz not null,
  constraint sql_leases_pkey primary key (job_id, token)
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
create index sql_leases_until on :schema.sql_leases (lease_until);

-- A job between two attempts that keeps its place at the head of its queue meanwhile. Null: it holds none.
alter table :schema.jobs add column holds_place boolean;

-- Which tenants a role may add jobs for and, with row-level security on, see. A null tenant stands for the one that the setting
-- millrace.tenant names, for servers that are trusted to set it. A role without rows may add for any tenant.
create table :schema.tenant_roles (
  role_name name not null,
  tenant_id text,
  constraint tenant_roles_unique unique (role_name, tenant_id)
);
