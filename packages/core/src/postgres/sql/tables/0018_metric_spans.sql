-- What metrics holds, added up further, so that three days are read from hundreds of rows and not from hundreds of thousands: each hour by
-- type and queue (span 60), and of all types and queues together, which is job_type '', each minute and each hour (1 and 60).
create table :schema.metric_spans (
  span smallint not null,
  -- When it begins; an hour begins where the clock of UTC says so.
  at timestamptz not null,
  job_type text not null,
  queue text not null,
  completed bigint not null,
  retried bigint not null,
  failed bigint not null,
  run_ms double precision not null,
  run_buckets bigint[] not null,
  wait_ms double precision not null,
  wait_buckets bigint[] not null,
  constraint metric_spans_pkey primary key (span, at, job_type, queue)
);

-- Of what is there already. Without functions, which are not there yet in this version.
insert into :schema.metric_spans
  with m as (
    select s.span, date_bin(s.span * interval '1 minute', m.minute, 'epoch'::timestamptz) as at, case s.is_all when true then '' else m.job_type end as job_type,
      case s.is_all when true then '' else m.queue end as queue, m.completed, m.retried, m.failed, m.run_ms, m.run_buckets, m.wait_ms, m.wait_buckets
    from :schema.metrics m, (values (60::smallint, false), (60::smallint, true), (1::smallint, true)) s(span, is_all)
  ), sums as (
    select m.span, m.at, m.job_type, m.queue, sum(m.completed)::bigint as completed, sum(m.retried)::bigint as retried,
      sum(m.failed)::bigint as failed, sum(m.run_ms) as run_ms, sum(m.wait_ms) as wait_ms
    from m group by m.span, m.at, m.job_type, m.queue
  ), runs as (
    select r.span, r.at, r.job_type, r.queue, array_agg(r.v order by r.n) as buckets from (
      select m.span, m.at, m.job_type, m.queue, u.n, sum(u.v)::bigint as v from m, unnest(m.run_buckets) with ordinality u(v, n)
      group by m.span, m.at, m.job_type, m.queue, u.n) r
    group by r.span, r.at, r.job_type, r.queue
  ), waits as (
    select r.span, r.at, r.job_type, r.queue, array_agg(r.v order by r.n) as buckets from (
      select m.span, m.at, m.job_type, m.queue, u.n, sum(u.v)::bigint as v from m, unnest(m.wait_buckets) with ordinality u(v, n)
      group by m.span, m.at, m.job_type, m.queue, u.n) r
    group by r.span, r.at, r.job_type, r.queue
  )
  select s.span, s.at, s.job_type, s.queue, s.completed, s.retried, s.failed, s.run_ms, coalesce(r.buckets, '{}'), s.wait_ms,
    coalesce(w.buckets, '{}')
  from sums s left join runs r using (span, at, job_type, queue) left join waits w using (span, at, job_type, queue);
