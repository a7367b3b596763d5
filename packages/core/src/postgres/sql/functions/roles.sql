-- Who may do what. The owner of the schema runs these; all can be repeated.

-- The role that called, from within a function that runs with the owner's rights.
create or replace function :schema.caller() returns name language sql stable as $$
  select case current_setting('role') when 'none' then session_user else current_setting('role')::name end
$$;

-- Refuses a tenant that the caller may not add jobs for.
create or replace function :schema.check_tenant(p_tenant text) returns void language plpgsql stable as $$
declare
  v_role name := :schema.caller();
begin
  if exists (select from :schema.tenant_roles r where r.role_name = v_role) and not :schema.is_tenant_of(v_role, p_tenant) then
    raise exception 'role % may not add jobs for tenant %', v_role, coalesce(p_tenant, 'null') using errcode = '42501',
      hint = 'The owner allows it with allow_tenant.';
  end if;
end $$;

create or replace function :schema.check_unconfined() returns void language plpgsql stable as $$
begin
  if exists (select from :schema.tenant_roles r where r.role_name = :schema.caller()) then
    raise exception 'role % is confined to tenants, and may not take keys of all of them', :schema.caller() using errcode = '42501',
      hint = 'Leave out `key_scope`.';
  end if;
end $$;

create or replace function :schema.is_tenant_of(p_role name, p_tenant text) returns boolean language sql stable
security definer set search_path = pg_catalog, pg_temp as $$
  select p_tenant is not null and exists (select from :schema.tenant_roles r where r.role_name = p_role
    and coalesce(r.tenant_id, nullif(current_setting('millrace.tenant', true), '')) = p_tenant)
$$;

create or replace function :schema.grant_producer(role_name name) returns void language plpgsql as $$
begin
  execute format('grant usage on schema :schema to %I', role_name);
  execute format('grant execute on function :schema.add_job(text, jsonb, timestamptz, integer, integer, text, text, text, text, text, '
    || 'text, text[], bigint, double precision, boolean, double precision, text) to %I', role_name);
  execute format('grant execute on function :schema.add_unique_job(text, text, jsonb, text, interval, text, timestamptz, integer, integer, '
    || 'text, text, text, text, text[], bigint, double precision, boolean, double precision, text) to %I', role_name);
end $$;
comment on function :schema.grant_producer(name) is
  'Lets a role add jobs by add_job and add_unique_job, and nothing else: it can read no job, not even its own.';

create or replace function :schema.grant_worker(role_name name) returns void language plpgsql as $$
begin
  perform :schema.grant_producer(role_name);
  execute format('grant select, insert, update, delete on all tables in schema :schema to %I', role_name);
  execute format('revoke insert, update, delete on :schema.tenant_roles, :schema.migrations from %I', role_name);
  execute format('grant usage, select on all sequences in schema :schema to %I', role_name);
  -- Upkeep of the history, with the owner's rights.
  execute format('grant execute on function :schema.make_partitions(), :schema.forget_day(date, bigint, integer), :schema.drop_day(date) '
    || 'to %I', role_name);
end $$;
comment on function :schema.grant_worker(name) is
  'Lets a role add, read, claim, settle and change jobs, by SQL or through the TypeScript client with `migrate: ''check''`. It cannot create, drop or alter anything. Repeat it after a migration.';

create or replace function :schema.grant_reader(role_name name) returns void language plpgsql as $$
begin
  execute format('grant usage on schema :schema to %I', role_name);
  -- Not the partitions: a policy holds for those who ask the table they belong to.
  execute format('grant select on :schema.jobs, :schema.failed_jobs, :schema.finished_jobs to %I', role_name);
end $$;
comment on function :schema.grant_reader(name) is
  'Lets a role read jobs and call job_status, stats and queue_stats; with isolate_tenants on, of its own tenants only.';

create or replace function :schema.allow_tenant(role_name name, tenant_id text) returns void language sql volatile as $$
  insert into :schema.tenant_roles (role_name, tenant_id) select allow_tenant.role_name, allow_tenant.tenant_id
  where not exists (select from :schema.tenant_roles r
    where r.role_name = allow_tenant.role_name and r.tenant_id is not distinct from allow_tenant.tenant_id)
$$;
comment on function :schema.allow_tenant(name, text) is
  'Confines a role to tenants: it may add jobs only for those it was allowed, and with isolate_tenants on see only theirs. Null: the tenant that the setting millrace.tenant names in its transaction, for a server that is trusted to set it.';

create or replace function :schema.isolate_tenants(worker_role name) returns void language plpgsql as $$
declare
  v_table text;
begin
  foreach v_table in array array['jobs', 'failed_jobs', 'finished_jobs'] loop
    execute format('alter table :schema.%I enable row level security', v_table);
    execute format('drop policy if exists millrace_tenant on :schema.%I', v_table);
    execute format('create policy millrace_tenant on :schema.%I using (:schema.is_tenant_of(current_user, tenant_id))', v_table);
    execute format('drop policy if exists %I on :schema.%I', 'millrace_all_' || worker_role, v_table);
    execute format('create policy %I on :schema.%I to %I using (true) with check (true)', 'millrace_all_' || worker_role, v_table, worker_role);
  end loop;
end $$;
comment on function :schema.isolate_tenants(name) is
  'Turns row-level security on: `worker_role` and the owner see every job, any other role only those of the tenants it was allowed (allow_tenant). Repeat it for each role that works jobs of all tenants.';
