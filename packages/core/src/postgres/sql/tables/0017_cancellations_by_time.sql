-- Cancelled jobs by when they were cancelled, for retention; those that failed have theirs (0012).
create index failed_jobs_cancelled_time on :schema.failed_jobs (finished_at, id) where status = 'c';
