-- Moving jobs between instances (see transfers.sql).

-- Names this instance for ever. Drawn by the first export: an embedded database may begin as a copy of another.
alter table :schema.settings add column instance_id uuid;

-- Instances that were imported. Ranges: [{"from", "to", "shift"}], what its ids became here.
create table :schema.transfers (
  source text not null,
  ranges jsonb not null,
  constraint transfers_pkey primary key (source)
);

-- Which of a source's jobs have come, by its own ids, in lots.
create table :schema.transfer_lots (
  id bigint generated always as identity,
  source text not null,
  first_id bigint not null,
  last_id bigint not null,
  ids int8multirange not null,
  constraint transfer_lots_pkey primary key (id)
);
create index transfer_lots_source on :schema.transfer_lots (source, last_id);
