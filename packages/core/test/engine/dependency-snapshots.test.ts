import { describe, expect, it } from 'vitest'
import type pg from 'pg'
import { openLab, SERVER_URL, type Lab } from '../support/lab.ts'
import { poll } from '../support/poll.ts'

const ISOLATIONS = ['read committed', 'repeatable read', 'serializable'] as const

/** Runs `end` in a transaction that began before `between` was committed. */
async function underOldSnapshot(
  lab: Lab,
  isolation: string,
  { between, end }: { between: () => Promise<unknown>; end: (session: pg.Client) => Promise<unknown> },
): Promise<void> {
  const session = await lab.session()
  await session.query(`begin isolation level ${isolation}`)
  await session.query('select count(*) from pg_class')
  await between()
  await end(session)
  await session.query('commit')
}

describe.skipIf(SERVER_URL === undefined)('an end in a transaction that cannot see its newest dependents', () => {
  it.each(ISOLATIONS)('releases them when it is a completion by SQL at %s', async (isolation) => {
    const lab = await openLab()
    const queue = lab.queue()
    await queue.ready()
    const first = await queue.addJob({ jobType: 'first', payload: {} })
    const [claimed] = await lab.sql(`select job_id, token from "${lab.schema}".get_jobs('test', array['first'])`)
    expect(Number(claimed?.['job_id'])).toBe(first)
    const next: number[] = []
    await underOldSnapshot(lab, isolation, {
      between: async () =>
        next.push(await queue.addJob({ jobType: 'next', payload: {}, dependsOn: { jobIds: [first] } })),
      end: (session) => session.query(`select "${lab.schema}".complete_job($1, $2)`, [first, claimed?.['token']]),
    })
    queue.createProcessor({ next: () => 'ran' }).startInBackground()
    await poll(async () => (await queue.getJob(next[0] ?? 0))?.status === 'completed', { within: 5000 })
    await lab.check()
  })

  it.each(ISOLATIONS)('cancels them when it is a cancellation by SQL at %s', async (isolation) => {
    const lab = await openLab()
    const queue = lab.queue()
    await queue.ready()
    const first = await queue.addJob({ jobType: 'first', payload: {} })
    const next: number[] = []
    await underOldSnapshot(lab, isolation, {
      between: async () =>
        next.push(await queue.addJob({ jobType: 'next', payload: {}, dependsOn: { jobIds: [first] } })),
      end: (session) => session.query(`select "${lab.schema}".cancel_job($1)`, [first]),
    })
    queue.createProcessor({ other: () => undefined }).startInBackground()
    await poll(async () => (await queue.getJob(next[0] ?? 0))?.status === 'cancelled', { within: 5000 })
    expect(await queue.getJob(next[0] ?? 0)).toMatchObject({ attempts: 0 })
    await lab.check()
  })
})
