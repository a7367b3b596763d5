-- Counts by length, one by one; the shorter list ends in zeros.
create or replace function :schema.add_buckets(p_one bigint[], p_other bigint[]) returns bigint[] language sql immutable as $$
  select array(select coalesce(b.one, 0) + coalesce(b.other, 0) from unnest(p_one, p_other) with ordinality b(one, other, n) order by b.n)
$$;

create or replace aggregate :schema.sum_buckets(bigint[]) (sfunc = :schema.add_buckets, stype = bigint[], initcond = '{}');

-- Adds what a worker saw end to what is there; about once a minute for each worker.
-- At most 1,000 types and queues are told apart, or one queue for each customer would fill the tables: what comes later is type '*'.
--   p_entries  array of [ms ago, type, queue or null, completed, retried, failed, run ms, run buckets, wait ms, wait buckets]
-- Returns the database's time, in milliseconds since 1970.
-- Locks: rows of metrics, then of metric_spans, then of metric_totals, each by its key, so that workers who report at the same time wait and nothing more.
create or replace function :schema.record_metrics(p_entries jsonb) returns double precision language plpgsql as $$
declare
  v_now timestamptz := clock_timestamp();
  v_all :schema.metrics[];
  v_room bigint := 1000 - (select count(*) from (select from :schema.metric_totals limit 1000) t);
  e :schema.metrics;
begin
  with r as (
    select date_trunc('minute', v_now - (r.value ->> 0)::double precision * interval '1 millisecond') as minute, r.value ->> 1 as job_type,
      coalesce(r.value ->> 2, '') as queue, (r.value ->> 3)::bigint as completed, (r.value ->> 4)::bigint as retried,
      (r.value ->> 5)::bigint as failed, (r.value ->> 6)::double precision as run_ms,
      array(select b.value::bigint from jsonb_array_elements_text(r.value -> 7) with ordinality b(value, n) order by b.n) as run_buckets,
      (r.value ->> 8)::double precision as wait_ms,
      array(select b.value::bigint from jsonb_array_elements_text(r.value -> 9) with ordinality b(value, n) order by b.n) as wait_buckets
    from jsonb_array_elements(p_entries) r
  ), fresh as (
    select d.job_type, d.queue, row_number() over (order by d.job_type, d.queue) as n from (select distinct r.job_type, r.queue from r) d
    where not exists (select from :schema.metric_totals t where t.job_type = d.job_type and t.queue = d.queue)
  ), x as (
    select r.minute, case when f.n > v_room then '*' else r.job_type end as job_type, case when f.n > v_room then '' else r.queue end as queue,
      r.completed, r.retried, r.failed, r.run_ms, r.run_buckets, r.wait_ms, r.wait_buckets
    from r left join fresh f on f.job_type = r.job_type and f.queue = r.queue
  )
  select array_agg(x order by x.minute, x.job_type, x.queue) into v_all from x;
  -- One by one: two entries may be of the same minute, and no statement may meet a row twice.
  foreach e in array coalesce(v_all, '{}') loop
    insert into :schema.metrics as m select e.*
      on conflict (minute, job_type, queue) do update set
        completed = m.completed + excluded.completed, retried = m.retried + excluded.retried, failed = m.failed + excluded.failed,
        run_ms = m.run_ms + excluded.run_ms, run_buckets = :schema.add_buckets(m.run_buckets, excluded.run_buckets),
        wait_ms = m.wait_ms + excluded.wait_ms, wait_buckets = :schema.add_buckets(m.wait_buckets, excluded.wait_buckets);
  end loop;
  insert into :schema.metric_spans as s
    select x.span, x.at, x.job_type, x.queue, sum(x.completed), sum(x.retried), sum(x.failed), sum(x.run_ms), :schema.sum_buckets(x.run_buckets),
      sum(x.wait_ms), :schema.sum_buckets(x.wait_buckets)
    from (
      select k.span, date_bin(k.span * interval '1 minute', a.minute, 'epoch'::timestamptz) as at,
        case k.is_all when true then '' else a.job_type end as job_type, case k.is_all when true then '' else a.queue end as queue,
        a.completed, a.retried, a.failed, a.run_ms, a.run_buckets, a.wait_ms, a.wait_buckets
      from unnest(v_all) a, (values (60::smallint, false), (60::smallint, true), (1::smallint, true)) k(span, is_all)) x
    group by x.span, x.at, x.job_type, x.queue order by x.span, x.at, x.job_type, x.queue
    on conflict (span, at, job_type, queue) do update set
      completed = s.completed + excluded.completed, retried = s.retried + excluded.retried, failed = s.failed + excluded.failed,
      run_ms = s.run_ms + excluded.run_ms, run_buckets = :schema.add_buckets(s.run_buckets, excluded.run_buckets),
      wait_ms = s.wait_ms + excluded.wait_ms, wait_buckets = :schema.add_buckets(s.wait_buckets, excluded.wait_buckets);
  insert into :schema.metric_totals as t
    select a.job_type, a.queue, v_now, sum(a.completed), sum(a.retried), sum(a.failed), sum(a.run_ms), :schema.sum_buckets(a.run_buckets),
      sum(a.wait_ms), :schema.sum_buckets(a.wait_buckets)
    from unnest(v_all) a group by a.job_type, a.queue order by a.job_type, a.queue
    on conflict (job_type, queue) do update set changed_at = excluded.changed_at,
      completed = t.completed + excluded.completed, retried = t.retried + excluded.retried, failed = t.failed + excluded.failed,
      run_ms = t.run_ms + excluded.run_ms, run_buckets = :schema.add_buckets(t.run_buckets, excluded.run_buckets),
      wait_ms = t.wait_ms + excluded.wait_ms, wait_buckets = :schema.add_buckets(t.wait_buckets, excluded.wait_buckets);
  return extract(epoch from clock_timestamp()) * 1000;
end $$;

-- Metrics of minutes (or with p_hours, of hours) that begin in [p_from, p_to), by type and queue, or with p_all of all together.
create or replace function :schema.metric_rows(p_all boolean, p_hours boolean, p_from timestamptz, p_to timestamptz) returns table (
  at timestamptz, job_type text, queue text, completed bigint, retried bigint, failed bigint, run_ms double precision, run_buckets bigint[],
  wait_ms double precision, wait_buckets bigint[]
) language sql stable as $$
  select m.minute, m.job_type, m.queue, m.completed, m.retried, m.failed, m.run_ms, m.run_buckets, m.wait_ms, m.wait_buckets
  from :schema.metrics m where not p_all and not p_hours and m.minute >= p_from and m.minute < p_to
  union all
  select s.at, s.job_type, s.queue, s.completed, s.retried, s.failed, s.run_ms, s.run_buckets, s.wait_ms, s.wait_buckets
  from :schema.metric_spans s where (p_all or p_hours) and s.span = case p_hours when true then 60 else 1 end
    and s.at >= p_from and s.at < p_to and (s.job_type = '') = p_all
$$;

-- What ended in spans of p_step minutes, the last of which has p_until in it (null: now), p_minutes back from there. Whole hours are read
-- as such where spans are made of them, what is before and after by the minute.
--   p_by             'jobType' or 'queue': what is told apart; null: nothing
--   p_type, p_queue  only of these; null: of any
create or replace function :schema.read_metrics(
  p_until timestamptz, p_minutes integer, p_step integer, p_by text, p_type text, p_queue text
) returns table (
  at timestamptz, job_type text, queue text, completed bigint, retried bigint, failed bigint, run_ms double precision, run_buckets bigint[],
  wait_ms double precision, wait_buckets bigint[]
) language sql stable as $$
  with asked as materialized (
    -- Until when, itself not included.
    select date_trunc('minute', coalesce(p_until, clock_timestamp())) + interval '1 minute' as until,
      p_by is null and p_type is null and p_queue is null as is_all
  ), limits as materialized (
    select o.is_all, o.first, o.until,
      case when o.has_hours then o.first_hour else o.until end as first_hour, case when o.has_hours then o.end_hour else o.until end as end_hour
    from (select h.*, p_step % 60 = 0 and h.first_hour < h.end_hour as has_hours from (
      select a.is_all, a.until, a.until - p_minutes * interval '1 minute' as first,
        date_bin('1 hour', a.until - p_minutes * interval '1 minute' + interval '59 minutes', 'epoch'::timestamptz) as first_hour,
        -- The present hour has nothing after now.
        date_bin('1 hour', case when p_until is null then a.until + interval '59 minutes' else a.until end, 'epoch'::timestamptz) as end_hour
      from asked a) h) o
  )
  select s.at, s.job_type, s.queue, sum(s.completed)::bigint, sum(s.retried)::bigint, sum(s.failed)::bigint, sum(s.run_ms),
    :schema.sum_buckets(s.run_buckets), sum(s.wait_ms), :schema.sum_buckets(s.wait_buckets)
  from (
    select date_bin(p_step * interval '1 minute', m.at, 'epoch'::timestamptz) as at, case p_by when 'jobType' then m.job_type end as job_type,
      case p_by when 'queue' then nullif(m.queue, '') end as queue, m.completed, m.retried, m.failed, m.run_ms, m.run_buckets, m.wait_ms,
      m.wait_buckets
    from limits l, lateral (
      select * from :schema.metric_rows(l.is_all, false, l.first, l.first_hour)
      union all select * from :schema.metric_rows(l.is_all, true, l.first_hour, l.end_hour)
      union all select * from :schema.metric_rows(l.is_all, false, l.end_hour, l.until)) m
    where (p_type is null or m.job_type = p_type) and (p_queue is null or m.queue = p_queue)
  ) s group by s.at, s.job_type, s.queue order by s.at, s.job_type, s.queue
$$;

-- Forgets minutes after three days and the sums of what has not been seen for thirty, at most 50,000 rows a call.
create or replace function :schema.forget_metrics() returns void language sql as $$
  delete from :schema.metrics m where m.minute <= (
    select max(o.minute) from (
      select o.minute from :schema.metrics o where o.minute < clock_timestamp() - interval '3 days' order by o.minute limit 50000) o);
  delete from :schema.metric_spans s where s.span = 1 and s.at < clock_timestamp() - interval '3 days'
    or s.span = 60 and s.at < clock_timestamp() - interval '3 days 1 hour';
  delete from :schema.metric_totals t where t.changed_at < clock_timestamp() - interval '30 days';
$$;
