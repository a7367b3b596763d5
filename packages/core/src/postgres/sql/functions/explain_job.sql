-- What decides when a job runs, as it is now: {state: live | ended, now, ...}, or null for a job that is not stored.
--   p_id  the job
-- Reads a bounded number of rows, whatever the queue holds.
-- Locks: none.
create or replace function :schema.explain_job(p_id bigint) returns jsonb language plpgsql stable as $$
declare
  v_job :schema.jobs;
  v_ended jsonb;
  v_now timestamptz := clock_timestamp();
  v_facts jsonb;
begin
  select * into v_job from :schema.jobs j where j.id = p_id;
  if not found then
    select jsonb_build_object('state', 'ended', 'status', e.status, 'finishedAt', e.finished_at, 'attempts', e.attempts,
        'maxAttempts', e.max_attempts, 'reason', e.failure_reason, 'error', e.error, 'deadLetterJobId', e.dead_letter_job_id)
      into v_ended from (
        select f.status::text, f.finished_at, f.attempts, f.max_attempts, f.failure_reason, f.dead_letter_job_id,
          jsonb_path_query_array(f.log, '$[*].error.message') ->> -1 as error
        from :schema.failed_jobs f where f.id = p_id
        union all
        select 'd', f.finished_at, f.attempts, f.max_attempts, null, null, null from :schema.finished_jobs f where f.id = p_id
      ) e;
    return v_ended;
  end if;

  v_facts := jsonb_build_object('state', 'live', 'now', v_now, 'lane', v_job.lane, 'jobType', v_job.job_type, 'dueAt', v_job.due_at,
    'nextAttemptAt', v_job.next_attempt_at, 'waitUntil', v_job.wait_until, 'waitTokenId', v_job.wait_token_id,
    'attempts', v_job.attempts, 'maxAttempts', v_job.max_attempts, 'priority', v_job.priority, 'claimedAt', v_job.claimed_at,
    'handlerVersion', v_job.handler_version, 'groupId', coalesce(:schema.group_id(v_job.group_key, v_job.tenant_id), :schema.queue_name(v_job.group_key, v_job.tenant_id)),
    'cancelRequestedAt', v_job.cancel_requested_at, 'error', jsonb_path_query_array(v_job.log, '$[*].error.message') ->> -1,
    'liveWorkers', (select count(*) from :schema.workers w where w.expires_at > v_now),
    'ableWorkers', (select count(*) from :schema.workers w where w.expires_at > v_now
      and (w.job_types is null or v_job.job_type = any (w.job_types))),
    'versionWorkers', (select count(*) from :schema.workers w where w.expires_at > v_now
      and (w.job_types is null or v_job.job_type = any (w.job_types))
      and w.versions -> v_job.job_type @> to_jsonb(v_job.handler_version)),
    'pauses', (select jsonb_agg(jsonb_strip_nulls(jsonb_build_object('jobType', p.job_type,
        'queue', :schema.queue_name(p.group_key, p.tenant_id), 'group', :schema.group_id(p.group_key, p.tenant_id),
        'tenantId', p.tenant_id, 'reason', p.reason, 'pausedBy', p.paused_by, 'pausedAt', p.paused_at, 'until', p.paused_until)) order by p.id)
      from :schema.pauses p
      where :schema.is_in_force(p, v_now) and :schema.pause_covers(p, v_job.job_type, v_job.group_key, v_job.tenant_id)));

  case v_job.lane
    when 'x' then
      v_facts := v_facts || jsonb_build_object('lockedBy', v_job.locked_by, 'leaseUntil',
        coalesce((select w.expires_at from :schema.workers w where w.id = v_job.worker), v_job.lease_until));
    when 'r', 'p' then
      v_facts := v_facts || jsonb_build_object('ahead', (select count(*) from (
        select from :schema.jobs r where r.lane = 'r' and r.priority >= v_job.priority
          and (r.priority > v_job.priority or r.ready_seq < v_job.ready_seq) limit 1001) a));
    when 'g' then
      v_facts := v_facts || jsonb_build_object(
        'active', (select g.active from :schema.groups g where g.group_key = v_job.group_key),
        'limit', (select coalesce(g.max_active, s.group_limit) from :schema.settings s
          left join :schema.groups g on g.group_key = v_job.group_key),
        'holders', (select jsonb_agg(h.id order by h.id) from (
          select o.id from :schema.jobs o where o.group_key = v_job.group_key and (o.lane in ('x', 'r') or o.holds_place) limit 20) h));
    when 'd' then
      v_facts := v_facts || jsonb_build_object('tags', to_jsonb(v_job.depends_on_tags), 'unmet', v_job.unmet,
        'blockers', (select jsonb_agg(jsonb_build_array(b.id, b.lane, b.retried) order by b.id) from (
          select p.id, p.lane, p.next_attempt_at is not null as retried from :schema.job_dependencies d
            join :schema.jobs p on p.id = d.on_job_id where d.job_id = p_id order by p.id limit 20) b));
    when 'w', 't' then
      v_facts := v_facts || jsonb_build_object(
        'awaited', (select jsonb_agg(s.awaited order by s.seq) from :schema.job_steps s
          where s.job_id = p_id and s.status = 'p' and s.awaited is not null));
    else null;
  end case;
  return jsonb_strip_nulls(v_facts);
end $$;
