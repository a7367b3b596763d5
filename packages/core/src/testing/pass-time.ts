import { checkNumber, MAX_DURATION_MS } from '../model/check.ts'
import type { TransactionClient } from '../model/transaction.ts'

/** Every stored time but those of live workers, whose leases must not end with it. */
const COLUMNS = `select format('%I.%I', c.table_schema, c.table_name) as table_name,
    string_agg(format('%1$I = %1$I - $1::double precision * interval ''1 ms''', c.column_name), ', ') as assignments
  from information_schema.columns c
  join pg_class t on t.relname = c.table_name and t.relnamespace = c.table_schema::regnamespace
  where c.table_schema = 'millrace' and c.data_type = 'timestamp with time zone' and t.relkind in ('r', 'p')
    and not t.relispartition and c.table_name not in ('workers', 'migrations', 'settings')
  group by 1`

/** Moves every stored time of the instance into the past by `ms`, in one transaction. */
export async function passTime(tx: TransactionClient, ms: number): Promise<void> {
  checkNumber('ms', ms, { min: 0, max: MAX_DURATION_MS, remedy: 'Pass milliseconds' })
  const { rows } = await tx.query(COLUMNS)
  for (const row of rows) await tx.query(`update ${String(row['table_name'])} set ${String(row['assignments'])}`, [ms])
}
