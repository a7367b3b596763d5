-- Last of the files, whence its name: says of every function that has no comment by now that it is not for callers.
do $do$
declare
  v_function regprocedure;
begin
  for v_function in
    select p.oid::regprocedure from pg_catalog.pg_proc p
    where p.pronamespace = ':schema'::regnamespace and p.prokind in ('f', 'a') and obj_description(p.oid, 'pg_proc') is null
      -- The schema may hold functions of somebody else.
      and pg_has_role(p.proowner, 'usage')
      and not exists (select from pg_catalog.pg_depend d where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
  loop
    execute format('comment on routine %s is %L', v_function, 'Internal: may change with any version.');
  end loop;
end $do$;
