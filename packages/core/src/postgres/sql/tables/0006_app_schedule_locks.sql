-- Which scheduler of @pgpm/database-jobs has taken a schedule of the compatibility schema, and when.
create table :schema.app_schedule_locks (
  schedule_id bigint not null,
  locked_by text not null,
  locked_at timestamptz not null,
  constraint app_schedule_locks_pkey primary key (schedule_id),
  constraint app_schedule_locks_schedule foreign key (schedule_id) references :schema.schedules (id) on delete cascade
);
