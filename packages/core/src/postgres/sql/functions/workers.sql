-- Opens the row of a worker that has just started and answers its number, new at every boot.
-- Without the last parameter, as an earlier version had it: beside this one a call without it would be ambiguous.
drop function if exists :schema.register_worker(text, integer, integer, text[], integer, text, integer, text);
create or replace function :schema.register_worker(
  p_worker_id text, p_lease_ms integer, p_group_concurrency integer, p_job_types text[], p_concurrency integer, p_host text,
  p_pid integer, p_version text, p_versions jsonb default null
) returns bigint language plpgsql as $$
declare
  v_now timestamptz := clock_timestamp();
  v_id bigint;
begin
  insert into :schema.workers (worker_id, host, pid, version, concurrency, group_concurrency, job_types, started_at, last_seen_at,
      expires_at, sleeping, versions)
    values (p_worker_id, p_host, p_pid, p_version, p_concurrency, p_group_concurrency, p_job_types, v_now, v_now,
      v_now + p_lease_ms * interval '1 millisecond', true, p_versions)
    returning id into v_id;
  perform :schema.set_group_limit(v_now);
  return v_id;
end $$;

-- Removes a worker's row. What it still holds is handed back without using up the attempts.
create or replace function :schema.unregister_worker(p_worker bigint) returns void language plpgsql as $$
declare
  v_left jsonb;
begin
  -- The worker's row before its jobs, as a rescue takes them.
  delete from :schema.workers w where w.id = p_worker;
  select jsonb_agg(jsonb_build_object('id', j.id, 'token', j.token, 'kind', 'released')) into v_left
    from :schema.jobs j where j.id = any (:schema.leased_jobs(p_worker));
  if v_left is not null then perform :schema.settle_others(v_left, true); end if;
  delete from :schema.cancel_requests c where c.worker = p_worker;
  delete from :schema.leases l where l.worker = p_worker;
  perform :schema.set_group_limit(clock_timestamp());
end $$;

-- Extends a worker's lease on everything it runs; false once the store has given its leases away.
create or replace function :schema.heartbeat(p_worker bigint, p_lease_ms integer) returns boolean language plpgsql as $$
declare
  v_now timestamptz;
begin
  -- It may stand behind an exchange of its own worker, and must be next when that gives up: a role whose lock_timeout is shorter
  -- than an exchange would lose the lease of a worker that is well.
  if current_setting('lock_timeout') <> '20s' then perform set_config('lock_timeout', '20s', true); end if;
  perform from :schema.workers w where w.id = p_worker for no key update;
  v_now := clock_timestamp();
  update :schema.workers w set last_seen_at = v_now, expires_at = v_now + p_lease_ms * interval '1 millisecond' where w.id = p_worker;
  return found;
end $$;
