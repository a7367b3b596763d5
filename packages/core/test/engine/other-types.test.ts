import { describe, expect, test } from 'vitest'
import { openLab, SERVER_URL } from '../support/lab.ts'
import { poll } from '../support/poll.ts'

const OTHERS = 20_000

describe.skipIf(SERVER_URL === undefined)('a worker of one type, behind 20,000 older jobs of another', () => {
  test('looks through them at its first claims, not at every one', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    await queue.ready()
    await add(lab, 'other', OTHERS)
    await add(lab, 'mine', 4000)
    const worker = lab.queue()
    let done = 0
    let claims = 0
    worker.hooks.subscribe((event) => {
      if (event.type === 'claim') claims++
    })
    const processor = worker.createProcessor({ mine: () => void done++ }, { jobType: 'mine', batchSize: 50 })
    processor.startInBackground()
    await poll(() => done === 4000)
    await processor.stopAndDrain()
    await worker.close()
    expect(claims).toBeGreaterThan(40)
    // Statistics of a connection are complete once it has ended.
    expect(await entriesRead(lab)).toBeLessThan(6 * OTHERS)
  })

  test('finds new ones of its own without looking through them again', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    await queue.ready()
    await add(lab, 'other', OTHERS)
    const worker = lab.queue()
    let done = 0
    let claims = 0
    worker.hooks.subscribe((event) => {
      if (event.type === 'claim') claims++
    })
    // At 250 ms a look costs more than a twentieth of the time only if it is at all of them.
    const processor = worker.createProcessor({ mine: () => void done++ }, { jobType: 'mine', pollInterval: 250 })
    processor.startInBackground()
    await poll(() => claims >= 8)
    const before = claims
    for (let n = 1; n <= 60; n++) {
      await queue.addJob({ jobType: n % 2 === 0 ? 'mine' : 'other', payload: n })
      if (n % 2 === 0) await poll(() => done === n / 2)
    }
    const made = claims - before
    await processor.stopAndDrain()
    await worker.close()
    expect(made).toBeGreaterThan(30)
    expect(await entriesRead(lab)).toBeLessThan(16 * OTHERS)
  })
})

type Lab = Awaited<ReturnType<typeof openLab>>

/** Jobs as old as in a real backlog. */
async function add(lab: Lab, jobType: string, count: number): Promise<void> {
  for (let added = 0; added < count; added += 1000) {
    await lab.sql(
      `select ${lab.schema}.add_jobs((select jsonb_agg(jsonb_build_object('job_type', '${jobType}', 'payload', n)) from generate_series(1, 1000) n))`,
    )
  }
  await lab.sql(
    `update ${lab.schema}.jobs set created_at = created_at - interval '1 hour' where job_type = '${jobType}'`,
  )
}

/** Index entries that claims have stepped over. */
async function entriesRead(lab: Lab): Promise<number> {
  const [row] = await lab.sql(
    `select idx_tup_read as n from pg_stat_user_indexes where schemaname = '${lab.schema}' and indexrelname = 'jobs_ready'`,
  )
  return Number(row?.['n'])
}
