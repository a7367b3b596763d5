-- One row per impossible thing that is stored; none when all is well. Reads every live row: for tests, the doctor and the curious.
create or replace function :schema.check_invariants() returns table (invariant text, detail text) language sql stable as $$
  select 'lease of an unknown worker', format('job %s, worker %s', j.id, j.worker)
    from :schema.jobs j where j.lane = 'x' and j.lease_until is null
      and not exists (select from :schema.workers w where w.id = j.worker)
  union all
  select 'an executing job in no lease', format('job %s, worker %s', j.id, j.worker)
    from :schema.jobs j where j.lane = 'x'
      and not exists (select from :schema.leases l where l.worker = j.worker and l.token = j.token and j.id = any (l.job_ids))
      and not exists (select from :schema.sql_leases l where l.job_id = j.id and l.token = j.token and l.lease_until = j.lease_until)
  union all
  select 'a time limit without a claim by SQL', format('job %s, lane %s, worker %s', j.id, j.lane, j.worker)
    from :schema.jobs j where j.lease_until is not null and (j.lane <> 'x' or j.worker is not null)
  union all
  select 'a place held by a job that neither waits for its next attempt nor is paused', format('job %s, lane %s', j.id, j.lane)
    from :schema.jobs j where j.holds_place and (j.lane not in ('t', 'p') or j.group_key is null)
  union all
  select 'a queue with more than one place', format('queue %s', substr(g.group_key, 2))
    from :schema.groups g where :schema.is_queue(g.group_key) and g.max_active is distinct from 1
  union all
  select 'a job in an impossible state', format('job %s, lane %s, attempts %s of %s', j.id, j.lane, j.attempts, j.max_attempts)
    from :schema.jobs j where j.lane not in ('r', 't', 'g', 'd', 'w', 'x', 'p') or j.attempts < 0 or j.attempts > j.max_attempts
      or (j.lane = 'x' and j.token is null) or (j.lane = 't' and j.due_at is null)
  union all
  select 'attempts used up but not ended', format('job %s: %s of %s', j.id, j.attempts, j.max_attempts)
    from :schema.jobs j where j.lane <> 'x' and j.attempts >= j.max_attempts
  union all
  select 'a waiting job that nothing will wake', format('job %s, lane %s', j.id, j.lane)
    from :schema.jobs j where (j.lane = 'w' and j.wait_token_id is null) or (j.lane = 'd' and j.unmet <= 0)
      or (j.lane = 'g' and j.group_key is null)
  union all
  select 'a paused job that nothing will resume', format('job %s', j.id)
    from :schema.jobs j where j.lane = 'p'
      -- Hashed whatever the statistics say: no index leads from a job to its pause (6 s for 6,500 jobs by a nested loop).
      and j.id not in (select q.job_id from :schema.paused_jobs q join :schema.pauses p on p.id = q.pause_id)
  union all
  select 'jobs of a source that nothing is known of', format('source %s', l.source)
    from :schema.transfer_lots l where not exists (select from :schema.transfers t where t.source = l.source)
  union all
  select 'a pause of no possible scope', format('pause %s', p.id)
    from :schema.pauses p where p.job_type = '' or p.group_key = '' or p.tenant_id = ''
  union all
  select 'a paused job of a pause that is gone', format('job %s, pause %s', q.job_id, q.pause_id)
    from :schema.paused_jobs q where not exists (select from :schema.pauses p where p.id = q.pause_id)
  union all
  select 'a waiting job without a wait', format('job %s, lane %s', j.id, j.lane)
    from :schema.jobs j where j.lane in ('t', 'w') and (j.wait_until is not null or j.wait_token_id is not null)
      and not exists (select from :schema.job_steps s where s.job_id = j.id and s.status = 'p'
        and (j.lane = 't' or (s.kind <> 't' and s.wait_until is null)))
  union all
  select 'a waiting job whose wait is over', format('job %s, %s', j.id, s.key)
    from :schema.jobs j join :schema.job_steps s on s.job_id = j.id
    where j.lane in ('t', 'w') and (j.wait_until is not null or j.wait_token_id is not null)
      and ((s.status = 'p' and s.kind = 'w' and not exists (select from :schema.tokens t where t.id = s.awaited and t.status = 'w'))
        or (s.status = 'p' and s.kind = 'g' and exists (select from :schema.job_signals g where g.job_id = j.id and 'signal:' || g.name = s.awaited))
        or (s.status = 'p' and j.due_at > s.wait_until))
  union all
  select 'a step in an impossible state', format('job %s, %s: %s %s', s.job_id, s.key, s.kind, s.status)
    from :schema.job_steps s where s.status not in ('d', 'f', 'p') or (s.status = 'p') <> (s.ended_at is null)
      or (s.status = 'p') <> (s.ended_seq is null) or (s.status = 'p' and s.kind in ('s', 'k')) or (s.status = 'f' and s.kind <> 's')
      or (s.kind = 't' and s.wait_until is null) or (s.kind in ('w', 'g', 'e', 'k') and s.awaited is null)
  union all
  select 'a step of a job that is gone', format('job %s, %s', s.job_id, s.key) from :schema.job_steps s
    where not exists (select from :schema.jobs j where j.id = s.job_id)
      and not exists (select from :schema.failed_jobs j where j.id = s.job_id)
      and not exists (select from :schema.finished_jobs j where j.id = s.job_id)
  union all
  select 'a signal of a job that is gone', format('job %s', s.job_id) from :schema.job_signals s
    where not exists (select from :schema.jobs j where j.id = s.job_id)
      and not exists (select from :schema.failed_jobs j where j.id = s.job_id)
      and not exists (select from :schema.finished_jobs j where j.id = s.job_id)
  union all
  select 'a token of a job that is gone', format('job %s, token %s', t.job_id, t.id) from :schema.tokens t
    where t.job_id is not null and not exists (select from :schema.jobs j where j.id = t.job_id)
      and not exists (select from :schema.failed_jobs j where j.id = t.job_id)
      and not exists (select from :schema.finished_jobs j where j.id = t.job_id)
  union all
  select 'an entry of the audit in an impossible state', format('entry %s: %s', a.id, a.outcome) from :schema.audit a
    where a.outcome not in ('d', 'f') or (a.outcome is null and a.result is not null) or a.actor = '' or a.action = ''
  union all
  select 'a log line of a job that is gone', format('job %s', z.job_id) from :schema.job_log_sizes z
    where not exists (select from :schema.jobs j where j.id = z.job_id)
      and not exists (select from :schema.failed_jobs j where j.id = z.job_id)
      and not exists (select from :schema.finished_jobs j where j.id = z.job_id)
  union all
  select 'a log size that disagrees', format('job %s: %s lines stored, %s counted', coalesce(z.job_id, l.job_id), z.lines, l.lines)
    from :schema.job_log_sizes z
    full join (select o.job_id, count(*) as lines, sum(o.bytes) as bytes from :schema.job_logs o group by o.job_id) l on l.job_id = z.job_id
    where coalesce(z.lines, 0) <> coalesce(l.lines, 0) or coalesce(z.bytes, 0) <> coalesce(l.bytes, 0) or z.lines > 1000
  union all
  select 'a token in an impossible state', format('token %s: %s', t.id, t.status) from :schema.tokens t
    where t.status not in ('w', 'c', 't') or (t.status = 'c') <> (t.completed_at is not null) or (t.status = 't' and t.timeout_at is null)
  union all
  select 'a worker on a job that does not execute', format('job %s, lane %s', j.id, j.lane)
    from :schema.jobs j where j.lane <> 'x' and j.worker is not null
  union all
  select 'a group count that disagrees', format('group %s: %s stored, %s counted', coalesce(g.group_key, c.group_key), g.active, c.active)
    from (
      -- Less the places that were given up and not yet offered to others.
      select g.group_key, g.active - coalesce((select sum(w.places) from :schema.group_wakes w where w.group_key = g.group_key), 0) as active
      from :schema.groups g
    ) g
    full join (select j.group_key, count(*)::integer as active from :schema.jobs j
      where (j.lane in ('r', 'x') or j.holds_place) and j.group_key is not null group by j.group_key) c on c.group_key = g.group_key
    where coalesce(g.active, 0) <> coalesce(c.active, 0)
  union all
  select 'a group with room whose jobs were not woken', format('group %s', g.group_key)
    from :schema.groups g, :schema.settings s
    where g.active < coalesce(g.max_active, s.group_limit, 2147483647)
      and exists (select from :schema.jobs j where j.lane = 'g' and j.group_key = g.group_key)
      and not exists (select from :schema.group_wakes w where w.group_key = g.group_key)
  union all
  select 'a job in two places', format('job %s', x.id) from (
    select j.id from :schema.jobs j union all select f.id from :schema.failed_jobs f union all select f.id from :schema.finished_jobs f
  ) x group by x.id having count(*) > 1
  union all
  select 'a key of a job that is gone', format('job %s', k.job_id) from :schema.job_keys k
    where k.taken_until is null and not exists (select from :schema.jobs j where j.id = k.job_id)
      and not exists (select from :schema.failed_jobs j where j.id = k.job_id)
      and not exists (select from :schema.finished_jobs j where j.id = k.job_id)
  union all
  select 'two keys of one job, or of no possible scope', format('job %s', k.job_id) from :schema.job_keys k
    group by k.job_id having count(*) > 1 or bool_or(k.scope not in ('t', 'q', 'a'))
  union all
  select c.invariant, c.detail from :schema.check_schedules() c
  union all
  select 'a dependency count that disagrees', format('job %s: %s stored, %s counted', j.id, j.unmet, c.open)
    from :schema.jobs j cross join lateral (
      select (select count(*) from :schema.job_dependencies d where d.job_id = j.id and not d.watch)
        + (select count(*) from :schema.tag_barriers b where b.job_id = j.id) as open) c
    where j.unmet <> c.open
  union all
  select 'unmet dependencies of a job that does not wait for them', format('job %s, lane %s', j.id, j.lane)
    from :schema.jobs j where j.unmet > 0 and j.lane <> 'd' and not (j.lane = 't' and j.unmet = 1 and j.depends_on_tags is not null)
  union all
  select 'a dependency of a job that is gone', format('job %s on %s', d.job_id, d.on_job_id)
    from :schema.job_dependencies d where not exists (select from :schema.jobs j where j.id = d.job_id and j.unmet > 0)
  union all
  select 'a tag barrier of a job that is gone', format('job %s', b.job_id)
    from :schema.tag_barriers b where not exists (select from :schema.jobs j where j.id = b.job_id and j.unmet > 0)
  union all
  -- A failed one is waited for by policy, or by a dependent that was retried before it.
  select 'a dependent of a job that has ended', format('job %s on %s', d.job_id, d.on_job_id)
    from :schema.job_dependencies d join :schema.jobs j on j.id = d.job_id
    where not exists (select from :schema.jobs p where p.id = d.on_job_id)
      and (d.watch or not exists (select from :schema.failed_jobs p where p.id = d.on_job_id)
        or (j.on_failure is distinct from 'w' and j.last_retried_at is null))
      and not exists (select from :schema.dependency_wakes w where (w.kind = 'e' and w.job_id = d.on_job_id)
        or (w.kind = 'c' and w.job_id = d.job_id) or (w.kind = 'b' and d.watch and w.job_id = d.job_id))
  union all
  select 'a minute whose durations disagree with its counts', format('%s at %s', m.job_type, m.minute)
    from :schema.metrics m where least(m.completed, m.retried, m.failed, m.run_ms, m.wait_ms) < 0
      or m.completed + m.retried + m.failed <> (select coalesce(sum(b), 0) from unnest(m.run_buckets) b)
      or m.completed + m.retried + m.failed < (select coalesce(sum(b), 0) from unnest(m.wait_buckets) b)
  union all
  -- Of the last two days, of which nothing is forgotten yet.
  select 'an hour that disagrees with its minutes', format('%s at %s', s.job_type, s.at)
    from :schema.metric_spans s where s.span = 60 and s.job_type <> '' and s.at > clock_timestamp() - interval '2 days'
      and s.completed <> (select coalesce(sum(m.completed), 0) from :schema.metrics m
        where m.minute >= s.at and m.minute < s.at + interval '1 hour' and m.job_type = s.job_type and m.queue = s.queue)
  union all
  select 'a span of everything that disagrees with its types', format('%s minutes at %s', s.span, s.at)
    from :schema.metric_spans s where s.job_type = '' and s.at > clock_timestamp() - interval '2 days'
      and s.completed <> (select coalesce(sum(m.completed), 0) from :schema.metrics m
        where m.minute >= s.at and m.minute < s.at + s.span * interval '1 minute')
  union all
  select 'a tag barrier that nothing will open', format('job %s', j.id)
    from :schema.jobs j where j.lane = 'd' and j.unmet = 1 and j.depends_on_tags is not null
      and not exists (select from :schema.job_dependencies d where d.job_id = j.id)
      and not exists (select from :schema.dependency_wakes w where w.job_id = j.id)
$$;
