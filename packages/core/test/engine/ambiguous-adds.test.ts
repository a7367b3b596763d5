import pg from 'pg'
import { describe, expect, it } from 'vitest'
import type { JobQueue } from '../../src/index.ts'
import { openLab, SERVER_URL, type Lab } from '../support/lab.ts'
import { poll } from '../support/poll.ts'

type Queue = JobQueue<Record<string, unknown>>

const job = { jobType: 'work', payload: 1 }

/** Every way in which jobs without a key of their own are added, and how many each adds. */
const ADDS: Readonly<
  Record<string, readonly [count: number, add: (queue: Queue, before: number) => Promise<unknown>]>
> = {
  'a job': [1, (queue) => queue.addJob(job)],
  'a batch of one type': [3, (queue) => queue.addJobs([job, job, job])],
  'a batch of several': [2, (queue) => queue.addJobs([job, { ...job, jobType: 'other' }])],
  'a batch with a key': [2, (queue) => queue.addJobs([job, { ...job, idempotencyKey: 'k' }])],
  'jobs with options': [2, (queue) => queue.addJobs([job, { ...job, priority: 3, maxAttempts: 1 }])],
  'a dependent': [1, (queue, before) => queue.addJob({ ...job, dependsOn: { jobIds: [before] } })],
}

/** Sessions of the lab that wait for a lock. */
async function waiting(lab: Lab): Promise<number> {
  const [row] = await lab.sql(
    "select count(*)::int as n from pg_stat_activity where usename = $1 and wait_event_type = 'Lock'",
    [lab.role],
  )
  return Number(row?.['n'])
}

/** A pool whose connections can be broken without a word to the server. */
function breakablePool(lab: Lab): { readonly pool: pg.Pool; readonly breakAll: () => void } {
  const pool = new pg.Pool({ connectionString: lab.url, max: 4 })
  pool.on('error', () => undefined)
  const clients = new Set<pg.PoolClient>()
  pool.on('connect', (client) => clients.add(client))
  pool.on('remove', (client) => clients.delete(client as pg.PoolClient))
  return {
    pool,
    breakAll: () => {
      for (const client of clients) {
        const { connection } = client as unknown as { connection: { stream: { destroy(error: Error): void } } }
        connection.stream.destroy(new Error('cut'))
      }
    },
  }
}

describe.skipIf(SERVER_URL === undefined)('an add whose connection breaks while the server is still at it', () => {
  it.each(['read committed', 'serializable'])('is not made twice, at %s', { timeout: 60_000 }, async (isolation) => {
    const lab = await openLab()
    await lab.sql(`alter role ${lab.role} set default_transaction_isolation = '${isolation}'`)
    const { pool, breakAll } = breakablePool(lab)
    try {
      const queue = lab.queue({ pool, listen: false })
      await queue.ready()
      const before = await queue.addJob({ ...job, jobType: 'before' })
      const locker = await lab.session()
      for (const [what, [count, add]] of Object.entries(ADDS)) {
        await locker.query(`begin; lock table "${lab.schema}".jobs in access exclusive mode`)
        const added = add(queue, before)
        await poll(async () => (await waiting(lab)) === 1)
        breakAll()
        // Its look-up, on a new connection.
        await poll(async () => (await waiting(lab)) === 2)
        await locker.query('commit')
        await added
        const [row] = await lab.sql(`select count(*)::int as n from "${lab.schema}".jobs where id > $1`, [before])
        expect([what, row?.['n']]).toEqual([what, count])
        await lab.sql(`delete from "${lab.schema}".job_dependencies`)
        await lab.sql(`delete from "${lab.schema}".job_keys`)
        await lab.sql(`delete from "${lab.schema}".jobs where id > $1`, [before])
      }
    } finally {
      await pool.end()
    }
  })
})
