-- What each table is, for whoever looks at the schema with psql.
comment on table :schema.jobs is 'Live jobs. Write through the functions: rows have an order, groups and leases that belong together.';
comment on table :schema.finished_jobs is 'Completed jobs, by day of completion.';
comment on table :schema.failed_jobs is 'Jobs that failed for good (status f) or were cancelled (c), until retried or cleaned up.';
comment on table :schema.job_keys is 'Idempotency keys in use, by the SHA-256 of tenant and key.';
comment on table :schema.workers is 'Running processors of the TypeScript client, each with its lease.';
comment on table :schema.leases is 'What each claim of a processor took, until all of it is settled.';
comment on table :schema.sql_leases is 'Claims made by get_jobs, and until when each holds.';
comment on table :schema.groups is 'Groups and queues that have had work: how many of their jobs are ready or running.';
comment on table :schema.group_wakes is 'Groups that gained waiting jobs or free places since the last claim.';
comment on table :schema.schedules is 'Schedules: when each is due next, and the job of each of its ticks.';
comment on table :schema.schedule_ticks is 'What became of the ticks of each schedule; the latest 1,000 stay.';
comment on table :schema.job_dependencies is 'What waiting jobs still wait for.';
comment on table :schema.tag_barriers is 'Jobs that wait until no other job with their tags is left.';
comment on table :schema.dependency_wakes is 'Dependents that some node has to look at soon.';
comment on table :schema.cancel_requests is 'Running attempts that must stop.';
comment on table :schema.settings is 'One row of settings of this instance.';
comment on table :schema.tenant_roles is 'Which tenants a role is confined to; a role without rows is not confined.';
comment on table :schema.migrations is 'What has been applied to this schema.';
