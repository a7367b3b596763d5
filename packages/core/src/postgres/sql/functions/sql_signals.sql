-- Signals, events and tokens in plain SQL: what TypeScript handlers wait for. Locks as of the functions that these call.

create or replace function :schema.signal_job(job_id bigint, name text, data jsonb default 'null') returns text language plpgsql as $$
begin
  if coalesce(name, '') = '' then raise exception '`name` must be a text that is not empty' using errcode = '22023'; end if;
  return :schema.signal_job(signal_job.job_id, signal_job.name, coalesce(signal_job.data, 'null'), false);
end $$;
comment on function :schema.signal_job(bigint, text, jsonb) is
  'Gives a job a signal, which its handler awaits by ctx.waitForSignal, now or later. Answers changed, unchanged (the job has ended) or not_found.';

create or replace function :schema.send_event(name text, data jsonb default 'null') returns bigint language plpgsql as $$
begin
  if coalesce(name, '') = '' then raise exception '`name` must be a text that is not empty' using errcode = '22023'; end if;
  return :schema.send_event(send_event.name, coalesce(send_event.data, 'null'), false);
end $$;
comment on function :schema.send_event(text, jsonb) is
  'Gives an event to every job that waits for one of this name now, by ctx.waitForEvent, and whose filter it contains. Answers how many waits it ended.';

create or replace function :schema.create_token(timeout interval default null, tags text[] default null) returns text language plpgsql as $$
begin
  if timeout <= interval '0' then raise exception '`timeout` must be longer than nothing, not %', timeout using errcode = '22023'; end if;
  return :schema.create_token('wp_' || gen_random_uuid(), (extract(epoch from timeout) * 1000)::double precision, create_token.tags);
end $$;
comment on function :schema.create_token(interval, text[]) is
  'Makes a token, which jobs await by ctx.waitForToken and anybody completes by complete_token, and answers its id. After `timeout` it is over, for those who wait for it too.';

create or replace function :schema.complete_token(token_id text, output jsonb default 'null') returns text language sql volatile as $$
  select :schema.complete_token(complete_token.token_id, coalesce(complete_token.output, 'null'), false)
$$;
comment on function :schema.complete_token(text, jsonb) is
  'Completes a token: every job that waits for it goes on with the output. Answers changed, unchanged (it was completed or has timed out) or not_found.';

create or replace function :schema.token_status(token_id text, out status text, out output jsonb) language sql stable as $$
  select case t.status when 'w' then 'waiting' when 'c' then 'completed' else 'timed_out' end, t.output
  from :schema.tokens t where t.id = token_status.token_id
$$;
comment on function :schema.token_status(text) is 'Whether a token is waiting, completed or timed_out, and its output. Nulls: there is none of this id.';
