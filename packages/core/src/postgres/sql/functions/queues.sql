-- Queues are serial lanes: groups whose limit is always 1. Their key begins with U+001E, so that no group shares a key with a queue.
-- A retry keeps its place: while the job waits for its next attempt it holds the place (jobs.holds_place) and nothing else of the
-- queue starts. A job with queue_retries 'pass' gives the place up instead; it says so in group_tier, which groups use otherwise.

-- What jobs that share a limit have in common; null for a job without group and queue.
create or replace function :schema.group_key(p_tenant text, p_group text, p_queue text) returns text language sql immutable as $$
  select case
    when p_queue is not null then chr(30) || coalesce(p_tenant || chr(31), '') || p_queue
    when p_tenant is null then p_group
    else p_tenant || chr(31) || p_group
  end
$$;

create or replace function :schema.is_queue(p_key text) returns boolean language sql immutable as $$
  select starts_with(p_key, chr(30))
$$;

-- The group's id as its jobs were given it; null for a queue.
create or replace function :schema.group_id(p_key text, p_tenant text) returns text language sql immutable as $$
  select case when starts_with(p_key, chr(30)) then null when p_tenant is null then p_key else substr(p_key, length(p_tenant) + 2) end
$$;

-- The queue's name as its jobs were given it; null for a group.
create or replace function :schema.queue_name(p_key text, p_tenant text) returns text language sql immutable as $$
  select case when starts_with(p_key, chr(30)) then substr(p_key, case when p_tenant is null then 2 else length(p_tenant) + 3 end) end
$$;

-- Whether a job that is going to be tried again keeps its place meanwhile.
create or replace function :schema.keeps_place(p_key text, p_tier text) returns boolean language sql immutable as $$
  select p_key is not null and starts_with(p_key, chr(30)) and p_tier is distinct from 'pass'
$$;
