-- What operators did, in the order of id. A row is there before what it tells of is tried, so that nothing is done without one.
create table :schema.audit (
  id bigint generated always as identity,
  at timestamptz not null,
  actor text not null,
  action text not null,
  -- Not jsonb, which refuses some of what a request may hold.
  target json not null,
  -- d done, f failed; null: under way, or nobody lived to say.
  outcome "char",
  result json,
  constraint audit_pkey primary key (id)
);
