-- Nobody but the owner and whom it names; @pgpm/default-roles names administrator.
revoke all on all functions in schema app_jobs from public;
do $app$ begin
  if exists (select from pg_catalog.pg_roles r where r.rolname = 'administrator') then
    grant usage on schema app_jobs to administrator;
    grant select, insert, update, delete on all tables in schema app_jobs to administrator;
    grant execute on all functions in schema app_jobs to administrator;
  end if;
end $app$;
