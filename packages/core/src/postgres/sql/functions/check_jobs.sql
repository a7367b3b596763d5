-- Whether a job was written that our own client would not have sent. One expression, so that a correct batch costs next to nothing.
create or replace function :schema.has_faulty_job(p_jobs jsonb) returns boolean language sql immutable as $$
  select jsonb_typeof(p_jobs) is distinct from 'array' or jsonb_path_exists(p_jobs, '$[*] ? (
      @.type() != "object" || !(@.job_type like_regex "^." flag "s") || @.max_attempts < 1 || @.max_attempts > 1000000
      || @.timeout_ms < 1 || @.timeout_ms > 315360000000 || @.retry_delay < 0 || @.retry_delay > 315360000
      || @.retry_delay_max < 0 || @.retry_delay_max > 315360000
      || @.idempotency_key == null || (exists (@.idempotency_key) && !(@.idempotency_key like_regex "^." flag "s"))
      || (exists (@.key_mode) && (!exists (@.idempotency_key) || !(@.key_mode like_regex "^(reuse|replace|preserve_run_at|debounce)$")))
      || (exists (@.key_scope) && (!exists (@.idempotency_key) || !(@.key_scope like_regex "^(tenant|type|queue|all)$")
        || (@.key_scope == "queue" && !exists (@.queue)) || (@.key_scope == "all" && exists (@.key_mode) && @.key_mode != "reuse")))
      || (exists (@.key_window_ms) && (!exists (@.idempotency_key) || @.key_window_ms.type() != "number" || @.key_window_ms < 1
        || @.key_window_ms > 315360000000))
      || (exists (@.queue) && (exists (@.group_id) || !(@.queue like_regex "^[^\u001e\u001f]+$")))
      || (exists (@.group_id) && !(@.group_id like_regex "^[^\u001e\u001f]+$"))
      || (exists (@.tenant_id) && !(@.tenant_id like_regex "^[^\u001e\u001f]+$"))
      || (exists (@.queue_retries) && (!exists (@.queue) || !(@.queue_retries like_regex "^(hold|pass)$")))
      || (exists (@.on_failure) && !(@.on_failure like_regex "^(r|w)$"))
      || (exists (@.depends_on_job_ids) && @.depends_on_job_ids.type() != "array")
      || (exists (@.depends_on_tags) && (@.depends_on_tags.type() != "array" || @.depends_on_tags.size() < 1))
      || ((exists (@.depends_on_job_ids) || exists (@.depends_on_tags)) && exists (@.key_mode) && @.key_mode != "reuse")
      || (exists (@.dead_letter_job_type) && !(@.dead_letter_job_type like_regex "^." flag "s"))
      || @.keyvalue().key like_regex "^(?!(job_type|payload|priority|run_at|max_attempts|timeout_ms|force_kill|tags|idempotency_key|key_mode|key_scope|key_window_ms|retry_delay|retry_backoff|retry_delay_max|dead_letter_job_type|group_id|group_tier|queue|queue_retries|tenant_id|rich|depends_on_job_ids|depends_on_tags|depends_on_names|on_failure|id|unmet|schedule|trace|depends_on)$)"
    )')
$$;

-- Says what is wrong with the first faulty job of a batch.
create or replace function :schema.refuse_faulty_job(p_jobs jsonb) returns void language plpgsql as $$
declare
  x record;
begin
  if jsonb_typeof(p_jobs) is distinct from 'array' then
    raise exception '`jobs` must be an array of objects, not %', coalesce(jsonb_typeof(p_jobs), 'null') using errcode = '22023';
  end if;
  for x in
    select n - 1 as at, f.field, f.needs, j.value -> f.field as given from jsonb_array_elements(p_jobs) with ordinality j(value, n)
    cross join lateral (
      select 'job_type' as field, 'a text that is not empty' as needs
        where not coalesce(length(j.value ->> 'job_type') > 0, false)
      union all select 'max_attempts', 'between 1 and 1000000' where not (j.value ->> 'max_attempts')::numeric between 1 and 1000000
      union all select 'timeout_ms', 'between 1 and 315360000000' where not (j.value ->> 'timeout_ms')::numeric between 1 and 315360000000
      union all select d, 'between 0 and 315360000 seconds' from unnest(array['retry_delay', 'retry_delay_max']) d
        where not (j.value ->> d)::numeric between 0 and 315360000
      union all select 'idempotency_key', 'a text that is not empty'
        where j.value ? 'idempotency_key' and not coalesce(length(j.value ->> 'idempotency_key') > 0, false)
      union all select 'key_mode', 'reuse, replace, preserve_run_at or debounce, beside a key'
        where j.value ? 'key_mode' and (not j.value ? 'idempotency_key'
          or coalesce(j.value ->> 'key_mode' not in ('reuse', 'replace', 'preserve_run_at', 'debounce'), true))
      union all select 'key_scope', 'tenant, type, queue (of a job with a queue) or all, beside a key'
        where j.value ? 'key_scope' and (not j.value ? 'idempotency_key' or coalesce(j.value ->> 'key_scope' not in ('tenant', 'type', 'queue', 'all'), true)
          or (j.value ->> 'key_scope' = 'queue' and not j.value ? 'queue'))
      union all select 'key_mode', 'reuse, or left out, with the scope all: it could change a job of another tenant'
        where j.value ->> 'key_scope' = 'all' and j.value ->> 'key_mode' <> 'reuse'
      union all select 'key_window_ms', 'between 1 and 315360000000 milliseconds, beside a key' where j.value ? 'key_window_ms'
        and (not j.value ? 'idempotency_key' or jsonb_typeof(j.value -> 'key_window_ms') <> 'number'
          or (j.value ->> 'key_window_ms')::numeric not between 1 and 315360000000)
      union all select 'queue', 'left out: a job is in a queue or in a group' where j.value ? 'queue' and j.value ? 'group_id'
      union all select d, 'a text that is not empty, without U+001E and U+001F' from unnest(array['queue', 'group_id', 'tenant_id']) d
        where j.value ? d and coalesce(j.value ->> d !~ (U&'^[^\001e\001f]+$' collate "C"), true)
      union all select 'queue_retries', 'hold or pass, beside a queue'
        where j.value ? 'queue_retries' and (not j.value ? 'queue' or coalesce(j.value ->> 'queue_retries' not in ('hold', 'pass'), true))
      union all select 'on_failure', 'r (run all the same) or w (wait), or left out' where j.value ? 'on_failure'
        and coalesce(j.value ->> 'on_failure' not in ('r', 'w'), true)
      union all select 'depends_on_job_ids', 'an array of ids'
        where j.value ? 'depends_on_job_ids' and jsonb_typeof(j.value -> 'depends_on_job_ids') <> 'array'
      union all select 'depends_on_tags', 'an array of at least one tag' where j.value ? 'depends_on_tags'
        and case when jsonb_typeof(j.value -> 'depends_on_tags') = 'array' then jsonb_array_length(j.value -> 'depends_on_tags') = 0
          else true end
      union all select 'key_mode', 'reuse, or left out, for a job that waits for others'
        where (j.value ? 'depends_on_job_ids' or j.value ? 'depends_on_tags') and j.value ->> 'key_mode' <> 'reuse'
      union all select 'dead_letter_job_type', 'a text that is not empty'
        where j.value ? 'dead_letter_job_type' and not coalesce(length(j.value ->> 'dead_letter_job_type') > 0, false)
    ) f
  loop
    raise exception 'jobs[%]: `%` must be %, not %', x.at, x.field, x.needs, coalesce(left(x.given::text, 100), 'null')
      using errcode = '22023';
  end loop;
  raise exception 'some job has a field that is not known, in %', left(p_jobs::text, 200) using errcode = '22023',
    hint = 'Fields are job_type, payload, priority, run_at, max_attempts, timeout_ms, force_kill, tags, idempotency_key, key_mode, key_scope, key_window_ms, retry_delay, '
      || 'retry_backoff, retry_delay_max, dead_letter_job_type, group_id, group_tier, queue, queue_retries, tenant_id, depends_on_job_ids, depends_on_tags, depends_on_names, on_failure and trace.';
end $$;
