-- Notes that an actor is about to do something; the number of the entry.
create or replace function :schema.begin_audit(p_actor text, p_action text, p_target json) returns bigint language sql as $$
  insert into :schema.audit (at, actor, action, target) values (clock_timestamp(), p_actor, p_action, p_target) returning id
$$;

-- Notes how it went.
--   p_outcome  d done, f failed
create or replace function :schema.end_audit(p_id bigint, p_outcome "char", p_result json) returns void language sql as $$
  update :schema.audit a set outcome = p_outcome, result = p_result where a.id = p_id and a.outcome is null
$$;

-- Forgets entries that are older than a year, at most 10,000 a call, oldest first.
create or replace function :schema.forget_audit() returns void language sql as $$
  delete from :schema.audit a
  where a.id = any (array(select o.id from :schema.audit o order by o.id limit 10000)) and a.at < clock_timestamp() - interval '365 days'
$$;
