-- The trail of a job: what cannot be derived from its columns. One entry per past attempt that did not complete it, and one per
-- edit, retry, prolongation or cancellation; an event's id is its position. At most 100 entries stay; log_dropped counts the events of the others.

create or replace function :schema.log_attempt(j :schema.jobs, p_outcome text, p_now timestamptz, p_error jsonb, p_reason text)
returns jsonb language sql as $$
  select :schema.log_append(j.log, jsonb_strip_nulls(jsonb_build_object(
    'kind', 'attempt', 'outcome', p_outcome, 'attempt', j.attempts, 'token', j.token, 'worker', j.locked_by,
    'claimedAt', j.claimed_at, 'at', p_now, 'error', p_error, 'reason', p_reason)))
$$;

create or replace function :schema.log_note(j :schema.jobs, p_kind text, p_now timestamptz, p_metadata jsonb)
returns jsonb language sql as $$
  -- Nulls within the metadata stay: they say what was cleared.
  select :schema.log_append(j.log, jsonb_build_object('kind', p_kind, 'at', p_now)
    || case when p_metadata is null then '{}' else jsonb_build_object('metadata', p_metadata) end)
$$;

create or replace function :schema.log_note(j :schema.failed_jobs, p_kind text, p_now timestamptz, p_metadata jsonb)
returns jsonb language sql as $$
  -- Nulls within the metadata stay: they say what was cleared.
  select :schema.log_append(j.log, jsonb_build_object('kind', p_kind, 'at', p_now)
    || case when p_metadata is null then '{}' else jsonb_build_object('metadata', p_metadata) end)
$$;

create or replace function :schema.log_append(p_log jsonb, p_entry jsonb) returns jsonb language sql as $$
  select case when jsonb_array_length(p_log) >= 100 then p_log - 0 else coalesce(p_log, '[]') end || p_entry
$$;

create or replace function :schema.log_dropped(j :schema.jobs) returns integer language sql as $$
  select j.log_dropped + case when jsonb_array_length(j.log) >= 100 then :schema.log_events(j.log -> 0) else 0 end
$$;

create or replace function :schema.log_dropped(j :schema.failed_jobs) returns integer language sql as $$
  select j.log_dropped + case when jsonb_array_length(j.log) >= 100 then :schema.log_events(j.log -> 0) else 0 end
$$;

-- How many events one entry stands for; as in model/trail.ts.
create or replace function :schema.log_events(p_entry jsonb) returns integer language sql immutable as $$
  select case when p_entry ->> 'kind' <> 'attempt' then 1 when p_entry ->> 'outcome' = 'revoked' then 3 else 2 end
$$;
