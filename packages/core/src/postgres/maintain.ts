import type { MaintainStore } from '../store/maintain.ts'
import { integer, text, timeColumn } from './rows.ts'
import type { Database } from './schema.ts'

const LONG = { timeoutMs: 120_000 }

export function maintainVerbs(db: Database): MaintainStore {
  return {
    async reclaimStuck({ minutes }) {
      return integer(await db.value('select :schema.reclaim_stuck($1::double precision)', [minutes]))
    },
    async cleanupJobs({ daysToKeep, batch }) {
      // One moment for both: what is deleted has had its steps deleted.
      const before = await daysAgo(db, daysToKeep)
      await inBatches(db, 'delete_steps', before, batch)
      return inBatches(db, 'delete_finished', before, batch)
    },
    cleanupEvents: async ({ daysToKeep, batch }) =>
      inBatches(db, 'delete_events', await daysAgo(db, daysToKeep), batch),
    async upkeep() {
      await db.query('select :schema.make_partitions()')
      await db.query('select :schema.forget_stale()')
      await db.query('select :schema.forget_ticks()')
      await db.query('select :schema.forget_audit()')
      await db.query('select :schema.forget_metrics()')
    },
  }
}

/** That moment by the database's clock, as it writes it. */
async function daysAgo(db: Database, days: number): Promise<string> {
  return text(
    await db.value(`select ${timeColumn("(clock_timestamp() - $1::double precision * interval '1 day')")}`, [days]),
  )
}

/** Each call is its own short transaction, so that nothing is held up and vacuum keeps pace. */
async function inBatches(db: Database, name: string, before: string, batch: number): Promise<number> {
  let total = 0
  for (;;) {
    const rows = await db.query(`select :schema.${name}($1::timestamptz, $2::integer)`, [before, batch], LONG)
    const count = integer(rows[0]?.[0] ?? 0)
    total += count
    if (count === 0) return total
  }
}
