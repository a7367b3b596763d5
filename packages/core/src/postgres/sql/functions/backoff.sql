-- Milliseconds until the attempt after this one: the formula of model/backoff.ts, held to the same examples (backoff.vectors.json).
--   attempt        the attempt that failed, counted from 1
--   retry_delay, retry_backoff, retry_delay_max  the job's own options, in seconds; null where it has none
--   draw           uniform in [0, 1)
create or replace function :schema.backoff_ms(
  attempt integer, retry_delay double precision default null, retry_backoff boolean default null,
  retry_delay_max double precision default null, draw double precision default random()
) returns double precision language sql volatile as $$
  select floor(0.5 + 1000 * case
    -- Beyond the 64th power of two every delay is above every cap.
    when retry_delay is null and retry_backoff is null and retry_delay_max is null then least(86400, 60 * pow(2, least(attempt, 64)))
    when not coalesce(retry_backoff, true) then coalesce(retry_delay, 60)
    else (0.5 + draw / 2) * least(
      coalesce(retry_delay_max, greatest(86400, coalesce(retry_delay, 60))), coalesce(retry_delay, 60) * pow(2, least(attempt, 64)))
  end)
$$;
comment on function :schema.backoff_ms(integer, double precision, boolean, double precision, double precision) is
  'Milliseconds to wait after failed attempt number `attempt`; the retry options are in seconds. Without options: 2^attempt minutes, at most a day.';
