/**
 * What shows the engine's jobs as rows of the job system, as SQL for a migration of one's own: two views, and a table for what the
 * engine has no place for. `JobSystemModule` runs it by itself unless `migrate` is `'check'`. It can be repeated.
 *
 * @param schema - The schema of the instance, which must exist.
 */
export function jobSystemSql(schema: string = 'millrace'): readonly string[] {
  const s = `"${schema.replaceAll('"', '""')}"`
  return [
    `create table if not exists ${s}.job_system_marks (
       job_id bigint not null primary key,
       canceled_by text,
       deleted_at timestamptz)`,
    `drop view if exists ${s}.job_system_jobs`,
    jobsView(s),
    // What `softDelete` and `restore` of a repository send. A job that has not begun must not run once it is deleted.
    `create or replace function ${s}.job_system_mark() returns trigger language plpgsql as $$
     begin
       if to_jsonb(new) - 'deleted_at' is distinct from to_jsonb(old) - 'deleted_at' then
         raise exception 'of a job in job_system_jobs only deleted_at can be changed' using errcode = '0A000',
           hint = 'Use JobSystemService.';
       end if;
       insert into ${s}.job_system_marks as m (job_id, deleted_at) values (old.id, new.deleted_at)
         on conflict (job_id) do update set deleted_at = excluded.deleted_at;
       if new.deleted_at is not null and old.status = 'scheduled' then perform ${s}.cancel_job(old.id); end if;
       return new;
     end $$`,
    `create trigger job_system_mark instead of update on ${s}.job_system_jobs for each row execute function ${s}.job_system_mark()`,
    `drop view if exists ${s}.job_type_lock`,
    `create view ${s}.job_type_lock as
     select j.job_type as type, max(w.expires_at) as "lockedUntil", max(w.last_seen_at) as "updatedAt"
     from ${s}.workers w
     join ${s}.leases l on l.worker = w.id
     cross join lateral unnest(l.job_ids) as held (id)
     join ${s}.jobs j on j.id = held.id and j.worker = w.id and j.lane = 'x'
     where j.payload ? 'jobSystem'
     group by j.job_type`,
    `comment on view ${s}.job_system_jobs is '${VERSION}'`,
  ]
}

/** Changes whenever the statements above do. */
export const VERSION = 'millrace job system 1'

function jobsView(s: string): string {
  const fields =
    'id, job_type, payload, output, progress, attempts, run_at, created_at, started_at, finished_at, cancel_requested_at, log'
  return `create view ${s}.job_system_jobs as
     select j.id, j.job_type as type,
       j.payload #>> '{jobSystem,name}' as name,
       j.payload #>> '{jobSystem,role}' as role,
       j.payload #>> '{jobSystem,email}' as email,
       j.payload #>> '{jobSystem,uploadedFileURL}' as "uploadedFileURL",
       j.payload -> 'data' as data,
       j.status,
       case when j.status = 'success' then 1
         else coalesce((j.output #>> '{jobSystem,fraction}')::double precision, j.progress / 100.0::double precision, 0)
       end::double precision as progress,
       j.output #>> '{jobSystem,message}' as message,
       j.output #>> '{jobSystem,result}' as result,
       (select e.value #>> '{error,message}' from jsonb_array_elements(j.log) with ordinality as e (value, place)
         where e.value #> '{error}' is not null order by e.place desc limit 1) as error,
       j.attempts,
       j.run_at as "scheduledAt", j.created_at as "createdAt", j.started_at as "startedAt", j.finished_at as "finishedAt",
       case when j.finished_at is null then (j.output #>> '{jobSystem,etaAt}')::timestamptz end as "estimatedAt",
       j.cancel_requested_at is not null or j.status = 'canceled' as "cancelRequested",
       m.canceled_by as "canceledBy",
       m.deleted_at
     from (
       select ${fields}, case when lane = 'x' then 'processing' else 'scheduled' end as status from ${s}.jobs
       union all
       select ${fields}, 'success' from ${s}.finished_jobs
       union all
       select ${fields}, case when status = 'c' then 'canceled' else 'failed' end from ${s}.failed_jobs
     ) j
     left join ${s}.job_system_marks m on m.job_id = j.id
     where j.payload ? 'jobSystem'`
}
