-- Row triggers that add a job for each change of a table.

create or replace function :schema.enqueue_on_change(
  of_table regclass, job_type text, columns text[] default null, "when" text default null,
  operations text[] default '{insert,update,delete}', tenant_column text default null, queue text default null
) returns name language plpgsql as $$
declare
  v_name name := :schema.change_trigger(job_type);
  v_column text;
  -- A trigger sees nulls in their place.
  v_virtual text[] := array(select a.attname::text from pg_catalog.pg_attribute a where a.attrelid = of_table and a.attgenerated = 'v');
begin
  if coalesce(job_type, '') = '' then
    raise exception '`job_type` must be a text that is not empty' using errcode = '22023';
  end if;
  if operations is null or operations = '{}' or not operations <@ array['insert', 'update', 'delete'] then
    raise exception '`operations` must be some of insert, update and delete, not %', operations using errcode = '22023';
  end if;
  foreach v_column in array coalesce(columns, '{}') || tenant_column loop
    if v_column is not null and not exists (
      select from pg_catalog.pg_attribute a where a.attrelid = of_table and a.attname = v_column and a.attnum > 0 and not a.attisdropped
    ) then
      raise exception '`columns` must name columns of %, not %', of_table, v_column using errcode = '42703';
    end if;
    if v_column = any (v_virtual) then
      raise exception 'column % is generated when it is read, and no trigger sees it', v_column using errcode = '0A000',
        hint = 'Leave it out and read it in the handler, or make it STORED.';
    end if;
  end loop;
  execute format('drop trigger if exists %I on %s', v_name, of_table);
  execute format('create trigger %I after %s on %s for each row %s execute function :schema.enqueue_change(%L, %L, %L, %L, %L, %L)',
    v_name, array_to_string(operations, ' or '), of_table, case when "when" is not null then 'when (' || "when" || ')' else '' end,
    job_type, coalesce(to_json(columns)::text, ''), coalesce(tenant_column, ''), coalesce(queue, ''),
    coalesce(to_json(nullif(v_virtual, '{}'))::text, ''),
    (select case c.relkind when 'p' then 'partitioned' else '' end from pg_catalog.pg_class c where c.oid = of_table));
  return v_name;
end $$;
comment on function :schema.enqueue_on_change(regclass, text, text[], text, text[], text, text) is
  'Installs a trigger that adds a job for each inserted, updated or deleted row, in the transaction that changes it. The payload is {operation, table, new, old}, with `columns` only those; an update that changes none of them adds none. Of a partitioned table `table` is its name, not that of the partition; TRUNCATE adds no job. `when` is a condition on NEW and OLD, written into the trigger as it is: never make it of somebody''s input. Installing it again replaces it.';

create or replace function :schema.stop_enqueue_on_change(of_table regclass, job_type text) returns void language plpgsql as $$
begin
  execute format('drop trigger if exists %I on %s', :schema.change_trigger(job_type), of_table);
end $$;
comment on function :schema.stop_enqueue_on_change(regclass, text) is 'Removes the trigger that enqueue_on_change installed.';

-- One trigger for each table and type; a name holds 63 bytes.
create or replace function :schema.change_trigger(p_job_type text) returns name language sql immutable as $$
  select case when octet_length(p_job_type) <= 40 then 'millrace ' || p_job_type else 'millrace ' || md5(p_job_type) end::name
$$;

-- With the owner's rights, so that whoever may write the table need not be able to add jobs; whoever may install the trigger must.
create or replace function :schema.enqueue_change() returns trigger language plpgsql
security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_columns text[] := case when tg_argv[1] <> '' then array(select json_array_elements_text(tg_argv[1]::json)) end;
  v_new jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
  v_old jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
  v_tenant text := coalesce(v_new, v_old) ->> nullif(tg_argv[2], '');
  -- Not there in triggers of earlier versions.
  v_virtual text[] := case when tg_argv[4] <> '' then array(select json_array_elements_text(tg_argv[4]::json)) end;
  v_table oid := case tg_argv[5] when 'partitioned' then pg_partition_root(tg_relid) else tg_relid end;
begin
  if v_columns is null and v_virtual is not null then
    v_new := v_new - v_virtual;
    v_old := v_old - v_virtual;
  end if;
  if v_columns is not null then
    v_new := (select jsonb_object_agg(c, v_new -> c) from unnest(v_columns) c where v_new is not null);
    v_old := (select jsonb_object_agg(c, v_old -> c) from unnest(v_columns) c where v_old is not null);
  end if;
  if tg_op = 'UPDATE' and v_new = v_old then return null; end if;
  perform :schema.add_jobs(jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('job_type', tg_argv[0], 'tenant_id', v_tenant,
      'queue', nullif(tg_argv[3], '')))
    || jsonb_build_object('payload', jsonb_build_object('operation', lower(tg_op), 'table', case when v_table = tg_relid
        then format('%I.%I', tg_table_schema, tg_table_name) else (select format('%I.%I', n.nspname, c.relname)
          from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.oid = v_table) end)
      || case when v_new is null then '{}' else jsonb_build_object('new', v_new) end
      || case when v_old is null then '{}' else jsonb_build_object('old', v_old) end)));
  return null;
end $$;
revoke all on function :schema.enqueue_change() from public;
