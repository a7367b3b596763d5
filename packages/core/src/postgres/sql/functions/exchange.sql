-- The hot path: records what a worker finished and claims what it runs next, in one round trip.
--   p_worker        from register_worker
--   p_ids, p_tokens completions without output; p_others everything else (see settle_others)
--   p_limit         at most so many jobs; p_slots of them may be on their last attempt (the slots that are free now: a crash burns
--                   a prefetched attempt, and a last one must not be burnt unstarted)
--   p_levels, p_bounds  where to look: ready_seq >= bound at each priority level, highest first. Null: a sweep of the whole index
--   p_types         only these job types; null: any
--   p_sleeping      records whether the worker wants to be notified; null leaves it
--   p_housekeeping  also promote due jobs, rescue dead workers, report cancel requests and the next due time
--   p_lease_ms      extend the worker's lease; null leaves it
--   p_groups        also look for groups that gained waiting jobs or free places; a sweep always does
--   p_versions      the handler versions of this worker by job type, the newest first: {"email": [3, 2]}; null: none
--   p_closed        tokens of claims of which nothing is left to settle
-- Returns, if there is anything to say, first a row without id: its ready_seq is the token of the claimed jobs, its payload a json object
-- or null. Then the claimed jobs. What most jobs do not have, or have at its default, is in `extra` (see job_extra): a column costs
-- every job its conversion at both ends.
-- Locks, in order: the worker's row, job rows settled, timed rows, dependents, paused rows, group rows and ready rows (skip locked).
create or replace function :schema.exchange(
  p_worker bigint, p_ids bigint[], p_tokens bigint[], p_others jsonb, p_limit integer, p_slots integer, p_levels integer[],
  p_bounds bigint[], p_types text[], p_sleeping boolean, p_housekeeping boolean, p_lease_ms integer, p_keep boolean, p_closed bigint[] default null, p_groups boolean default true,
  p_versions jsonb default null
) returns table (
  id bigint, ready_seq bigint, attempts integer, job_type text, payload text, created_at timestamptz, extra text
) language plpgsql as $$
#variable_conflict use_column
declare
  v_now timestamptz;
  v_lost bigint[];
  v_alive boolean := true;
  v_token bigint;
  v_locked_by text;
  v_found bigint[];
  v_all bigint[] := '{}';
  v_left integer := p_limit;
  v_last integer := p_slots;
  v_lasts integer;
  v_summary jsonb;
  v_levels jsonb;
  v_level record;
  v_below bigint;
  v_held boolean;
  v_busy boolean;
  v_passed boolean;
  v_has_pauses boolean;
  v_settings text;
  v_told text;
  v_cascaded jsonb;
  v_top bigint;
  v_past jsonb;
  v_stirred boolean;
  v_began timestamptz;
  v_look_ms double precision;
begin
  -- Keeps the planner on the indexes that this was written for, whatever the statistics say, until the transaction ends: a plan
  -- cached while the table was empty is a scan when it is full. And one plan for all calls: for a handful of jobs the planner finds
  -- a plan of its own cheaper each time, and making it costs more than all the rest (measured for single jobs: 730 us a call against
  -- 400). An assignment costs a tenth of the same in a statement.
  if current_setting('enable_seqscan') = 'on' then
    v_settings := set_config('enable_seqscan', 'off', true) || set_config('enable_sort', 'off', true)
      || set_config('enable_bitmapscan', 'off', true) || set_config('enable_mergejoin', 'off', true)
      || set_config('enable_hashjoin', 'off', true) || set_config('jit', 'off', true) || set_config('plan_cache_mode', 'force_generic_plan', true)
      -- The client gives up after 30 s; a claim that still waited for a lock then would be found by nobody.
      || set_config('lock_timeout', '20s', true) || set_config('datestyle', 'ISO', true);
  end if;
  -- Rows are written after this returns, in the same transaction.
  if current_setting('datestyle') not like 'ISO%' then v_settings := set_config('datestyle', 'ISO', true); end if;
  -- The worker's row before its jobs, as a rescue takes them.
  if p_lease_ms is not null then v_alive := :schema.heartbeat(p_worker, p_lease_ms); end if;
  if p_sleeping is not null then
    update :schema.workers w set sleeping = p_sleeping where w.id = p_worker and w.sleeping <> p_sleeping;
  end if;
  if cardinality(p_ids) > 0 then v_lost := :schema.settle_completed(p_ids, p_tokens, p_keep); end if;
  if p_others is not null then v_lost := v_lost || :schema.settle_others(p_others, p_keep); end if;
  if p_closed is not null then
    delete from :schema.leases l where l.worker = p_worker and l.token = any (p_closed);
  end if;
  v_now := clock_timestamp();

  if p_housekeeping then
    v_summary := :schema.housekeeping(p_worker, v_now);
    v_alive := v_alive and exists (select from :schema.workers w where w.id = p_worker);
  end if;

  if (p_bounds is null or p_groups or p_housekeeping or current_setting('millrace.stirred', true) = 'on')
      and exists (select from :schema.dependency_wakes) then
    v_busy := nullif(:schema.serve_dependencies(v_now), false);
  end if;
  if (p_bounds is null or p_housekeeping) and exists (select from :schema.pauses) then
    v_busy := nullif(:schema.release_paused(v_now) or coalesce(v_busy, false), false);
  end if;
  if p_others is not null or p_housekeeping or current_setting('millrace.stirred', true) = 'on' then v_cascaded := :schema.cascaded(); end if;
  -- What was released just now, at levels that this worker does not know of.
  v_stirred := current_setting('millrace.stirred', true) = 'on';
  if v_stirred and p_bounds is not null
      and not string_to_array(nullif(current_setting('millrace.levels', true), ''), ',')::integer[] <@ p_levels then
    p_bounds := null;
  end if;

  if p_limit > 0 and v_alive then
    -- Before anything is looked at: a place given out later must not count as looked at.
    if p_types is not null then v_top := pg_sequence_last_value(':schema.job_ids'); end if;
    if (p_groups or p_bounds is null or v_stirred) and exists (select from :schema.group_wakes) then
      v_busy := nullif(:schema.serve_group_wakes() or coalesce(v_busy, false), false);
    end if;
    if p_types is not null then v_began := clock_timestamp(); end if;
    if p_bounds is null then
      select array_agg(c.id), count(*) filter (where c.last) into v_found, v_lasts from (
        select j.id, j.attempts + 1 >= j.max_attempts as last from :schema.jobs j
        where j.lane = 'r' and (p_types is null or j.job_type = any (p_types))
          and (j.handler_version is null or p_versions -> j.job_type @> to_jsonb(j.handler_version))
        order by j.priority desc, j.ready_seq limit v_left for update skip locked
      ) c;
      if v_lasts > v_last then
        v_found := :schema.keep_lasts(v_found, v_last);
        v_held := true;
      end if;
      v_all := coalesce(v_found, '{}');
      v_left := v_left - cardinality(v_all);
    else
      for v_at in 1 .. cardinality(p_levels) loop
        select array_agg(c.id), count(*) filter (where c.last) into v_found, v_lasts from (
          select j.id, j.attempts + 1 >= j.max_attempts as last from :schema.jobs j
          where j.lane = 'r' and j.priority = p_levels[v_at] and j.ready_seq >= p_bounds[v_at]
            and (p_types is null or j.job_type = any (p_types))
            and (j.handler_version is null or p_versions -> j.job_type @> to_jsonb(j.handler_version))
          order by j.ready_seq limit v_left for update skip locked
        ) c;
        if v_found is null then continue; end if;
        v_left := v_left - cardinality(v_found);
        if v_lasts > v_last then
          v_found := :schema.keep_lasts(v_found, v_last);
          v_lasts := v_last;
          v_held := true;
        end if;
        v_last := v_last - v_lasts;
        v_all := v_all || coalesce(v_found, '{}');
        exit when v_left <= 0;
      end loop;
    end if;
    -- Jobs of other types may lie before this worker's by the million, and looking through them once has to be enough.
    if v_held or v_left <= 0 then
      v_top := null;
    elsif v_top is not null then
      v_look_ms := extract(epoch from clock_timestamp() - v_began) * 1000;
    end if;
    if p_types is not null and p_bounds is null and v_left <= 0 and v_held is null then
      select jsonb_agg(jsonb_build_array(o.priority, o.seq)) into v_past from (
        select j.priority, max(j.ready_seq) as seq from :schema.jobs j
        -- Whoever drew a lower place than a job of this age has had time enough to commit.
        where j.id = any (v_all) and j.ready_seq = j.id and j.created_at < v_now - interval '0.5 s' group by j.priority
      ) o;
    end if;
  end if;

  if p_bounds is null and p_limit > 0 then
    -- Which levels have more, so that the claims that follow can start at their bounds.
    v_below := 2147483648;
    v_levels := '[]';
    loop
      select j.priority, j.ready_seq into v_level from :schema.jobs j
        where j.lane = 'r' and j.priority < v_below order by j.priority desc, j.ready_seq limit 1;
      exit when not found;
      v_levels := v_levels || jsonb_build_array(jsonb_build_array(v_level.priority, v_level.ready_seq));
      exit when jsonb_array_length(v_levels) > 16;
      v_below := v_level.priority;
    end loop;
  end if;

  if cardinality(v_all) > 0 then
    -- A worker given up for dead claims nothing, and one that claims is not given up before its claim is committed: else its jobs
    -- would be leased to nobody. Whoever holds the row has come to take it away, so there is nothing to wait for.
    select w.worker_id, exists (select from :schema.pauses) into v_locked_by, v_has_pauses
      from :schema.workers w where w.id = p_worker for key share of w skip locked;
    if not found then
      v_alive := false;
      v_all := '{}';
      v_top := null;
      v_past := null;
    elsif v_has_pauses then
      v_top := null;
      v_past := null;
      select p.ids, nullif(p.is_more or coalesce(v_busy, false), false), nullif(p.is_held or coalesce(v_held, false), false),
          nullif(p.is_more, false)
        into v_all, v_busy, v_held, v_passed
        from :schema.pass_over_paused(v_all, p_limit, p_slots, p_types, p_versions, v_now) p;
    end if;
  end if;

  if v_lost is not null or v_levels is not null or v_held or v_busy or v_summary is not null or v_cascaded is not null
      or v_top is not null or v_past is not null or not v_alive then
    v_told := jsonb_strip_nulls(jsonb_build_object('lost', v_lost, 'levels', v_levels, 'alive', v_alive, 'held', v_held,
      'busy', v_busy, 'passed', v_passed, 'housekeeping', v_summary, 'cascaded', v_cascaded, 'top', v_top, 'lookMs',
      case when v_look_ms >= 1 then v_look_ms end, 'past', v_past))::text;
  end if;
  if cardinality(v_all) > 0 then
    v_token := nextval(':schema.lease_tokens');
    insert into :schema.leases (token, worker, job_ids) values (v_token, p_worker, v_all);
  end if;
  if v_told is null and v_token is null then return; end if;
  return query select null::bigint, v_token, 0, '', v_told, null::timestamptz, null::text;
  if v_token is null then return; end if;
  return query
    update :schema.jobs j set
      lane = 'x', token = v_token, worker = p_worker, locked_by = v_locked_by, claimed_at = v_now,
      started_at = coalesce(j.started_at, v_now), attempts = j.attempts + 1, pending_reason = null,
      -- A resumed job goes on where it was.
      progress = case when j.wait_until is null and j.wait_token_id is null then null else j.progress end,
      output = case when j.wait_until is null and j.wait_token_id is null then null else j.output end,
      wait_until = null, wait_token_id = null,
      last_retried_at = case when j.next_attempt_at is null then j.last_retried_at else v_now end, next_attempt_at = null,
      handler_version = coalesce(j.handler_version, (p_versions -> j.job_type ->> 0)::integer)
    where j.id = any (v_all)
    -- A job that has never moved stands where its id says.
    returning j.id, nullif(j.ready_seq, j.id), j.attempts, j.job_type, j.payload::text, j.created_at,
      case when j.priority = 0 and j.max_attempts = 3 and j.timeout_ms is null and not j.force_kill and not j.rich
          and j.tags is null and j.idempotency_key is null and j.group_key is null and j.tenant_id is null
          and j.retry_delay is null and j.retry_backoff is null and j.retry_delay_max is null and j.handler_version is null
          and j.schedule is null and j.trace is null and j.started_at = j.claimed_at then null
        else :schema.job_extra(j) end;
end $$;

-- What most jobs do not have, or have at its default, as one json text.
create or replace function :schema.job_extra(j :schema.jobs) returns text language sql stable as $$
  select jsonb_strip_nulls(jsonb_build_object(
    'priority', nullif(j.priority, 0), 'maxAttempts', nullif(j.max_attempts, 3), 'timeoutMs', j.timeout_ms, 'forceKill', nullif(j.force_kill, false), 'rich', nullif(j.rich, false), 'tags', to_jsonb(j.tags),
    'idempotencyKey', j.idempotency_key, 'groupId', :schema.group_id(j.group_key, j.tenant_id),
    'queue', :schema.queue_name(j.group_key, j.tenant_id), 'tenantId', j.tenant_id,
    'retryDelay', j.retry_delay, 'retryBackoff', j.retry_backoff, 'retryDelayMax', j.retry_delay_max,
    'handlerVersion', j.handler_version, 'schedule', j.schedule, 'trace', j.trace,
    -- Its handler has been called before, and may have left steps.
    'again', nullif(j.started_at is distinct from j.claimed_at, false)))::text
$$;

-- Of the locked candidates, in order, all that have another attempt to spare and the first p_lasts that do not.
create or replace function :schema.keep_lasts(p_ids bigint[], p_lasts integer) returns bigint[] language sql as $$
  select array_agg(c.id order by c.n) from (
    select x.id, x.n, j.attempts + 1 >= j.max_attempts as last,
      count(*) filter (where j.attempts + 1 >= j.max_attempts) over (order by x.n) as lasts
    from unnest(p_ids) with ordinality x(id, n) join :schema.jobs j on j.id = x.id
  ) c where not c.last or c.lasts <= p_lasts
$$;

-- What any node does about once a second. Returns {nextDueMs, cancels: [[id, token, lost], ...], rescued, promoted, schedulesDueMs}.
create or replace function :schema.housekeeping(p_worker bigint, p_now timestamptz) returns jsonb language plpgsql as $$
declare
  v_rescued integer := :schema.rescue(p_now);
  v_promoted integer := :schema.promote(p_now);
  v_expired integer := :schema.expire_tokens(p_now, 1000);
  v_next double precision;
  v_timeout double precision;
  v_cancels jsonb;
begin
  select extract(epoch from j.due_at - p_now) * 1000 into v_next from :schema.jobs j where j.lane = 't' order by j.due_at limit 1;
  select extract(epoch from t.timeout_at - p_now) * 1000 into v_timeout from :schema.tokens t
    where t.status = 'w' and t.timeout_at is not null order by t.timeout_at limit 1;
  select least(v_timeout, extract(epoch from min(p.paused_until) - p_now) * 1000) into v_timeout from :schema.pauses p
    where :schema.is_in_force(p, p_now);
  select jsonb_agg(jsonb_build_array(c.job_id, c.token, c.lost)) into v_cancels from :schema.cancel_requests c where c.worker = p_worker;
  return jsonb_build_object('nextDueMs', least(v_next, v_timeout), 'cancels', v_cancels, 'rescued', v_rescued,
    'promoted', v_promoted + v_expired, 'schedulesDueMs', :schema.schedules_due_ms(p_now));
end $$;
