-- What each table is, for whoever looks at the schema with psql.
comment on table :schema.jobs is 'Live jobs. Write through the functions: rows have an order, groups and leases that belong together.';
comment on table :schema.finished_jobs is 'Completed jobs, by day of completion.';
comment on table :schema.failed_jobs is 'Jobs that failed for good (status f) or were cancelled (c), until retried or cleaned up.';
comment on table :schema.job_keys is 'Idempotency keys in use, by the SHA-256 of what they are unique within (`scope`: null tenant, t type, q queue, a everything) and the key.';
comment on table :schema.workers is 'Running processors of the TypeScript client, each with its lease.';
comment on table :schema.leases is 'What each claim of a processor took, until all of it is settled.';
comment on table :schema.sql_leases is 'Claims made by get_jobs, and until when each holds.';
comment on table :schema.job_steps is 'Steps, waits and made tokens of jobs, one row each.';
comment on table :schema.job_logs is 'What handlers said by ctx.log: the last lines of each job.';
comment on table :schema.job_log_sizes is 'How much job_logs holds of each job, and how many lines went for its limit.';
comment on table :schema.tokens is 'Handles that something outside completes, to let waiting jobs go on.';
comment on table :schema.job_signals is 'Signals that their jobs have not awaited yet.';
comment on table :schema.groups is 'Groups and queues that have had work: how many of their jobs are ready or running.';
comment on table :schema.group_wakes is 'Groups that gained waiting jobs or free places since the last claim.';
comment on table :schema.schedules is 'Schedules: when each is due next, and the job of each of its ticks.';
comment on table :schema.schedule_ticks is 'What became of the ticks of each schedule; the latest 1,000 stay.';
comment on table :schema.job_dependencies is 'What waiting jobs still wait for.';
comment on table :schema.tag_barriers is 'Jobs that wait until no other job with their tags is left.';
comment on table :schema.dependency_wakes is 'Dependents that some node has to look at soon.';
comment on table :schema.cancel_requests is 'Running attempts that must stop.';
comment on table :schema.pauses is 'What is paused, or has been resumed and not all of its jobs are back. Write through pause_jobs and resume_jobs.';
comment on table :schema.paused_jobs is 'Jobs that a claim met and a pause kept from running.';
comment on table :schema.transfers is 'Instances that were imported, and what their ids became here.';
comment on table :schema.transfer_lots is 'Which jobs of those instances have come.';
comment on table :schema.settings is 'One row of settings of this instance.';
comment on table :schema.tenant_roles is 'Which tenants a role is confined to; a role without rows is not confined.';
comment on table :schema.audit is 'What operators did, in the order of id; for a year.';
comment on table :schema.metrics is 'What ended in each minute of the last three days, as workers told it.';
comment on table :schema.metric_spans is 'Hours of it, and minutes and hours of all types together.';
comment on table :schema.metric_totals is 'The same since ever, by type and queue.';
comment on table :schema.migrations is 'What has been applied to this schema.';
comment on table :schema.app_schedule_locks is 'Schedules of app_jobs that a scheduler of @pgpm/database-jobs has taken.';
comment on sequence :schema.job_ids is 'Ids of jobs, and places in the ready order.';
comment on sequence :schema.lease_tokens is 'Fencing tokens: each value is one claim''s, and is never drawn again.';
comment on sequence :schema.step_ids is 'The order in which steps of jobs began and ended.';
do $do$ begin
  -- Of a schema that somebody else made, or that is used for more, the comment is theirs.
  if exists (select from pg_catalog.pg_namespace n where n.oid = ':schema'::regnamespace and pg_has_role(n.nspowner, 'usage')
      and obj_description(n.oid, 'pg_namespace') is null) then
    comment on schema :schema is 'Durable background jobs: an instance of Millrace. Functions with a comment that does not begin with "Internal" are for everybody; write through them.';
  end if;
end $do$;
