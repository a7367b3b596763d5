-- Which handler versions a worker has, by job type: {"email": [3, 2]}. Null: none, or a worker that did not say.
alter table :schema.workers add column versions jsonb;
