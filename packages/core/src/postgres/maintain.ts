import type { MaintainStore } from '../store/maintain.ts'
import { integer, text, timeColumn } from './rows.ts'
import type { Database } from './schema.ts'

const LONG = { timeoutMs: 120_000 }

export function maintainVerbs(db: Database): MaintainStore {
  return {
    async reclaimStuck({ minutes }) {
      return integer(await db.value('select :schema.reclaim_stuck($1::double precision)', [minutes]))
    },
    async cleanupJobs({ daysToKeep, batch, status = 'completed' }) {
      // One moment for all: a day is old as a whole or in part.
      const before = await daysAgo(db, daysToKeep)
      if (status !== 'completed')
        return inBatches(db, `delete_failed('${status === 'failed' ? 'f' : 'c'}', `, before, batch)
      const dropped = await dropOldDays(db, before, batch)
      const deleted = await inBatches(db, 'delete_finished(', before, batch)
      await inBatches(db, 'delete_tokens(', before, batch)
      return dropped + deleted
    },
    cleanupEvents: async ({ daysToKeep, batch }) =>
      inBatches(db, 'delete_events(', await daysAgo(db, daysToKeep), batch),
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

/** The number of jobs that went. A day that somebody is reading stays until the next clean-up. */
async function dropOldDays(db: Database, before: string, batch: number): Promise<number> {
  let total = 0
  for (const [day] of await db.query('select d::text from :schema.old_days($1::timestamptz) d', [before])) {
    const count = await forgetDay(db, day, batch)
    // Another node may have been quicker, and has counted them.
    if ((await db.value('select :schema.drop_day($1::date)', [day])) === true) total += count
  }
  return total
}

async function forgetDay(db: Database, day: unknown, batch: number): Promise<number> {
  let total = 0
  for (let page: unknown = 0; page !== null;) {
    const [row] = await db.query(
      'select f.jobs, f.next_page from :schema.forget_day($1::date, $2::bigint, $3::integer) f',
      [day, page, batch],
      LONG,
    )
    total += integer(row?.[0] ?? 0)
    page = row?.[1] ?? null
  }
  return total
}

/** Each call is its own short transaction, so that nothing is held up and vacuum keeps pace. */
async function inBatches(db: Database, call: string, before: string, batch: number): Promise<number> {
  let total = 0
  for (;;) {
    const rows = await db.query(`select :schema.${call}$1::timestamptz, $2::integer)`, [before, batch], LONG)
    const count = integer(rows[0]?.[0] ?? 0)
    total += count
    if (count === 0) return total
  }
}
