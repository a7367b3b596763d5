import { type Check, noneOf } from './check.ts'
import { alone, ask, type Place, quoted, text } from './place.ts'

export interface ServerLimits {
  readonly maxXidAge: number
}

/** What the server does, or no longer does, for the tables. */
export async function checkServer(place: Place, { maxXidAge }: ServerLimits): Promise<readonly Check[]> {
  return [await checkAutovacuum(place), await checkFreezing(place, maxXidAge)]
}

async function checkAutovacuum(place: Place): Promise<Check> {
  const name = 'autovacuum'
  const [row] = await ask(place, AUTOVACUUM, [])
  const off = ['autovacuum', 'track_counts'].filter((setting) => row?.[setting] === 'off')
  if (off.length > 0) {
    const next = `alter system set ${off[0]} = on; select pg_reload_conf(), as a superuser: dead rows are never reclaimed otherwise`
    return { name, ok: false, detail: `the server has ${off.join(' and ')} off`, next }
  }
  const tables = (await ask(place, TABLES_WITHOUT, [place.schema])).map((table) => text(table['name']))
  const check = noneOf(tables, { name, fine: 'on', what: 'tables that are left out of it' })
  if (check.ok) return check
  const apply = async (): Promise<void> => {
    for (const table of tables)
      await alone(place.queue, `alter table ${quoted(place.schema)}.${quoted(table)} reset (autovacuum_enabled)`)
  }
  const next = 'let it work on them again: millrace doctor --fix'
  return { ...check, next, fix: { what: `reset autovacuum_enabled of ${tables.join(', ')}`, apply } }
}

/** Of the whole database: the server stops taking writes before any table is 2,000 million behind. */
async function checkFreezing(place: Place, maxAge: number): Promise<Check> {
  const name = 'wraparound'
  const [row] = await ask(place, FROZEN_AGE, [])
  const age = Number(row?.['age'] ?? 0)
  const detail = `the oldest row that is not frozen is ${age} transactions old, of 2000000000`
  if (age <= maxAge) return { name, ok: true, detail }
  const next = `vacuum (freeze) ${text(row?.['table'])}, as its owner, then find out what keeps autovacuum from it`
  return { name, ok: false, detail, next }
}

const AUTOVACUUM = `select current_setting('autovacuum') as autovacuum, current_setting('track_counts') as track_counts`

const TABLES_WITHOUT = `
  select c.relname::text as name from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    cross join lateral pg_catalog.pg_options_to_table(c.reloptions) o
  where n.nspname = $1 and c.relkind in ('r', 'p') and o.option_name = 'autovacuum_enabled' and o.option_value in ('false', 'off', 'no', '0')
  order by 1`

const FROZEN_AGE = `
  select age(c.relfrozenxid)::text as age, c.oid::regclass::text as table from pg_catalog.pg_class c
  where c.relkind in ('r', 't', 'm') and c.relpersistence <> 't' order by age(c.relfrozenxid) desc limit 1`
