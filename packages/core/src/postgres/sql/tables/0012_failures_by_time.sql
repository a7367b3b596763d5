-- Dead letters by when they failed: what fails now is read from the end, whatever is kept from before.
create index failed_jobs_time on :schema.failed_jobs (finished_at desc, id desc) where status = 'f';
