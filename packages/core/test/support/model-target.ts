import type { ConformanceTarget } from '../../src/conformance/index.ts'

/** A store that a model is held against, with a way to look at and move what is stored. */
export interface ModelTarget extends ConformanceTarget {
  /** The first column of the first row; `:schema` stands for the instance's schema. */
  readonly value: (sql: string) => Promise<unknown>
}

/** Lets time pass for everything stored: each point in time of the instance moves into the past. No clock is touched. */
export async function passHours(target: ModelTarget, schema: string, hours: number): Promise<void> {
  const name = `'${schema.replaceAll("'", "''")}'`
  await target.value(`do $pass$
    declare t record;
    begin
      for t in
        select c.relname as name, string_agg(format('%1$I = %1$I - interval ''${hours} hours''', a.attname), ', ') as moves
        from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
        where n.nspname = ${name} and c.relkind in ('r', 'p') and not c.relispartition and c.relname <> 'migrations'
          and a.atttypid = 'timestamptz'::regtype and a.attnum > 0 and not a.attisdropped
        group by c.relname
      loop
        execute format('update %I.%I set %s', ${name}, t.name, t.moves);
      end loop;
    end $pass$`)
}
