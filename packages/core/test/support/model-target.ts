import type { ConformanceTarget } from '../../src/conformance/index.ts'

/** What is stored beside what the public reads tell. */
export interface Stored {
  /** By id. The lane is `r` ready, `t` timed, `g` waiting for its group or `x` executing; `seq` its position in the ready order. */
  readonly live: Readonly<
    Record<
      string,
      { readonly lane: string; readonly seq: number; readonly token: number | null; readonly worker: number | null }
    >
  >
  /** Ids of jobs that have an idempotency key, ascending. */
  readonly keyed: readonly number[]
  readonly groupLimit: number | null
  /** Ascending. */
  readonly workers: readonly number[]
  /** What the store's own checker finds. */
  readonly impossible: readonly string[]
}

/** A store that a model is held against, with a way to look at and move what is stored. */
export interface ModelTarget extends ConformanceTarget {
  readonly stored: () => Promise<Stored>
  /** Lets time pass for everything stored: each point in time of the instance moves into the past. No clock is touched. */
  readonly passHours: (hours: number) => Promise<void>
}

/** The first column of the first row; `:schema` stands for the instance's schema. */
export type SqlValue = (sql: string) => Promise<unknown>

/** How a model looks at and moves what a database stores. */
export function sqlModelHooks(value: SqlValue, schema: string): Pick<ModelTarget, 'stored' | 'passHours'> {
  return {
    stored: async () => JSON.parse(String(await value(STORED))) as Stored,
    async passHours(hours) {
      await value(passing(schema, hours))
    },
  }
}

const STORED = `select json_build_object(
  'live', (select coalesce(json_object_agg(j.id, json_build_object('lane', j.lane, 'seq', j.ready_seq, 'token', j.token, 'worker', j.worker)), '{}')
    from :schema.jobs j),
  'keyed', (select coalesce(json_agg(k.job_id order by k.job_id), '[]') from :schema.job_keys k),
  'groupLimit', (select s.group_limit from :schema.settings s),
  'workers', (select coalesce(json_agg(w.id order by w.id), '[]') from :schema.workers w),
  'impossible', (select coalesce(json_agg(i.invariant || ': ' || i.detail), '[]') from :schema.check_invariants() i))::text`

function passing(schema: string, hours: number): string {
  const name = `'${schema.replaceAll("'", "''")}'`
  return `do $pass$
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
    end $pass$`
}
