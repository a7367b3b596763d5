import { describe, expect, it } from 'vitest'
import pg from 'pg'
import { openLab, SERVER_URL, type Lab } from '../support/lab.ts'
import { poll } from '../support/poll.ts'

const ISOLATIONS = ['read committed', 'repeatable read', 'serializable'] as const

/** Runs `end` in a transaction that began before `between` was committed. */
async function underOldSnapshot(
  lab: Lab,
  isolation: string,
  { between, end }: { between: () => Promise<unknown>; end: (client: pg.Client) => Promise<unknown> },
): Promise<void> {
  const client = new pg.Client({ connectionString: lab.url })
  await client.connect()
  try {
    await client.query(`begin isolation level ${isolation}`)
    await client.query('select count(*) from pg_class')
    await between()
    await end(client)
    await client.query('commit')
  } finally {
    await client.end()
  }
}

describe.skipIf(SERVER_URL === undefined)('an end in a transaction that cannot see its newest dependents', () => {
  it.each(ISOLATIONS)('releases them when it is a completion by SQL at %s', async (isolation) => {
    const lab = await openLab()
    const queue = lab.queue()
    await queue.ready()
    const first = await queue.addJob({ jobType: 'first', payload: {} })
    const claimed = new pg.Client({ connectionString: lab.url })
    await claimed.connect()
    const { rows } = await claimed.query<{ id: string; token: string }>(
      `select id, token from "${lab.schema}".get_jobs(array['first'], 1)`,
    )
    await claimed.end()
    expect(rows.map(({ id }) => Number(id))).toEqual([first])
    const next: number[] = []
    await underOldSnapshot(lab, isolation, {
      between: async () => next.push(await queue.addJob({ jobType: 'next', payload: {}, dependsOn: { jobIds: [first] } })),
      end: (client) => client.query(`select "${lab.schema}".complete_job($1, $2)`, [first, rows[0]?.token]),
    })
    await queue.createProcessor({ next: () => 'ran' }).startInBackground()
    await poll(async () => (await queue.getJob(next[0] ?? 0))?.status === 'completed', 5000)
  })

  it.each(ISOLATIONS)('cancels them when it is a cancellation by SQL at %s', async (isolation) => {
    const lab = await openLab()
    const queue = lab.queue()
    await queue.ready()
    const first = await queue.addJob({ jobType: 'first', payload: {} })
    const next: number[] = []
    await underOldSnapshot(lab, isolation, {
      between: async () => next.push(await queue.addJob({ jobType: 'next', payload: {}, dependsOn: { jobIds: [first] } })),
      end: (client) => client.query(`select "${lab.schema}".cancel_job($1)`, [first]),
    })
    await queue.createProcessor({ other: () => undefined }).startInBackground()
    await poll(async () => (await queue.getJob(next[0] ?? 0))?.status === 'cancelled', 5000)
  })
})
