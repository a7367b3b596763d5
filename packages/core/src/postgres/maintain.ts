import type { MaintainStore } from '../store/maintain.ts'
import { integer } from './rows.ts'
import type { Database } from './schema.ts'

const LONG = { timeoutMs: 120_000 }

export function maintainVerbs(db: Database): MaintainStore {
  return {
    async reclaimStuck({ minutes }) {
      return integer(await db.value('select :schema.reclaim_stuck($1::double precision)', [minutes]))
    },
    cleanupJobs: ({ daysToKeep, batch }) => inBatches(db, 'delete_finished', daysToKeep, batch),
    cleanupEvents: ({ daysToKeep, batch }) => inBatches(db, 'delete_events', daysToKeep, batch),
    async upkeep() {
      await db.query('select :schema.make_partitions()')
      await db.query('select :schema.forget_stale()')
      await db.query('select :schema.forget_ticks()')
    },
  }
}

/** Each call is its own short transaction, so that nothing is held up and vacuum keeps pace. */
async function inBatches(db: Database, name: string, daysToKeep: number, batch: number): Promise<number> {
  let total = 0
  for (;;) {
    const rows = await db.query(
      `select :schema.${name}(clock_timestamp() - $1::double precision * interval '1 day', $2::integer)`,
      [daysToKeep, batch],
      LONG,
    )
    const count = integer(rows[0]?.[0] ?? 0)
    total += count
    if (count === 0) return total
  }
}
