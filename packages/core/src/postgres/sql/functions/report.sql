-- Progress, output and prolongation of running attempts, fenced like a settlement.
--   p_reports  array of {id, token, progress?, output?, prolonged_ms?}
-- Returns {id, token} of each attempt that no longer holds its lease; null when there are none.
create or replace function :schema.report(p_reports jsonb) returns bigint[] language plpgsql as $$
declare
  v_now timestamptz := clock_timestamp();
  v_done bigint[];
  v_under bigint[];
begin
  with s as (
    -- An output of null is an output: only an absent one leaves what is there.
    select (r.value ->> 'id')::bigint as id, (r.value ->> 'token')::bigint as token, (r.value ->> 'progress')::smallint as progress,
      r.value -> 'output' as output, (r.value ->> 'prolonged_ms')::double precision as prolonged_ms
    from jsonb_array_elements(p_reports) r
  ), u as (
    update :schema.jobs j set
      progress = coalesce(s.progress, j.progress), output = coalesce(s.output, j.output), changed_at = v_now,
      log = case when s.prolonged_ms is null then j.log
        else :schema.log_note(j, 'prolonged', v_now, jsonb_build_object('prolongedMs', s.prolonged_ms)) end,
      log_dropped = case when s.prolonged_ms is null then j.log_dropped else :schema.log_dropped(j) end
    from s where j.id = s.id and j.token = s.token and j.lane = 'x'
    returning j.id, j.token
  )
  select array_agg(u.id), array_agg(u.token) into v_done, v_under from u;
  return (
    select array_agg(array[s.id, s.token]) from jsonb_to_recordset(p_reports) as s(id bigint, token bigint)
    where not exists (select from unnest(v_done, v_under) d(id, token) where d.id = s.id and d.token = s.token));
end $$;
