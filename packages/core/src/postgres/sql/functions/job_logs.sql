-- Stores lines of attempts, fenced by their token: also of one that has just been settled, as long as nobody has taken the job over. Of
-- each job the last 1,000 lines stay, and at most 1 MB of them.
--   p_entries  array of {id, token, attempt, dropped, lines: [[ms ago, level, message, fields or null], ...]}
-- Returns for each entry s (stored), l (the attempt is not the job's any more) or b (the job is just being settled: ask again).
-- Locks: job rows (for key share, skip locked), so that lines never outlive a job that leaves no history.
create or replace function :schema.write_logs(p_entries jsonb) returns text[] language plpgsql as $$
declare
  v_now timestamptz := clock_timestamp();
  v_results text[];
  v_over bigint[];
begin
  with e as materialized (
    select x.n, (x.value ->> 'id')::bigint as id, (x.value ->> 'token')::bigint as token, (x.value ->> 'attempt')::integer as attempt,
      (x.value ->> 'dropped')::bigint as dropped, x.value -> 'lines' as lines
    from jsonb_array_elements(p_entries) with ordinality x(value, n)
  ), h as materialized (
    select j.id, j.token from :schema.jobs j
    where j.id = any (array(select e.id from e)) and exists (select from e where e.id = j.id and e.token = j.token)
    for key share skip locked
  ), r as materialized (
    select e.*, case
        when exists (select from h where h.id = e.id and h.token = e.token) then 's'
        when exists (select from :schema.jobs j where j.id = e.id and j.token = e.token) then 'b'
        when exists (select from :schema.failed_jobs f where f.id = e.id and f.token = e.token)
          or exists (select from :schema.finished_jobs f where f.id = e.id and f.token = e.token) then 's'
        else 'l' end as result
    from e
  ), i as (
    insert into :schema.job_logs (job_id, at, attempt, bytes, level, message, fields)
      select r.id, v_now - (l.value ->> 0)::double precision * interval '1 millisecond', r.attempt,
        40 + octet_length(l.value ->> 2) + coalesce(octet_length(nullif(l.value -> 3, 'null')::text), 0), (l.value ->> 1)::"char",
        l.value ->> 2, nullif(l.value -> 3, 'null')
      from r cross join lateral jsonb_array_elements(r.lines) with ordinality l(value, n)
      where r.result = 's' order by r.n, l.n
    returning job_id, bytes
  ), c as (
    select i.job_id, count(*)::integer as lines, sum(i.bytes) as bytes from i group by i.job_id
  ), d as (
    select r.id, sum(r.dropped) as dropped from r where r.result = 's' group by r.id
  ), z as (
    insert into :schema.job_log_sizes as z (job_id, lines, bytes, dropped)
      select d.id, coalesce(c.lines, 0), coalesce(c.bytes, 0), d.dropped from d left join c on c.job_id = d.id order by d.id
    on conflict (job_id) do update set
      lines = z.lines + excluded.lines, bytes = z.bytes + excluded.bytes, dropped = z.dropped + excluded.dropped
    returning z.job_id, z.lines, z.bytes
  )
  select (select array_agg(r.result order by r.n) from r),
      (select array_agg(z.job_id) from z where z.lines > 1000 or z.bytes > 1048576)
    into v_results, v_over;
  if v_over is null then return v_results; end if;
  with x as materialized (
    select l.job_id, l.id, row_number() over newer as n, sum(l.bytes) over newer as total
    from :schema.job_logs l where l.job_id = any (v_over)
    window newer as (partition by l.job_id order by l.id desc)
  ), g as (
    delete from :schema.job_logs l using x
    where l.job_id = x.job_id and l.id = x.id and (x.n > 1000 or x.total > 1048576) returning l.job_id, l.bytes
  ), c as (
    select g.job_id, count(*)::integer as lines, sum(g.bytes) as bytes from g group by g.job_id
  )
  update :schema.job_log_sizes z set lines = z.lines - c.lines, bytes = z.bytes - c.bytes, dropped = z.dropped + c.lines
    from c where z.job_id = c.job_id;
  return v_results;
end $$;
