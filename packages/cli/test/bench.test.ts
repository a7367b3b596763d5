import pg from 'pg'
import { afterAll, describe, expect, it } from 'vitest'
import { latencyOf } from '../src/bench/measure.ts'
import { run, start } from './support/command.ts'
import { poll } from './support/poll.ts'

const url = process.env['MILLRACE_TEST_PG18_URL'] ?? ''

describe('latencies', () => {
  it('are of the nearest rank', () => {
    const taken = Array.from({ length: 200 }, (_, n) => 200 - n)
    expect(latencyOf(taken)).toEqual({ samples: 200, p50: 100, p95: 190, p99: 198, max: 200 })
    expect(latencyOf([1.234])).toEqual({ samples: 1, p50: 1.23, p95: 1.23, p99: 1.23, max: 1.23 })
  })
})

describe.skipIf(url === '')('bench', { timeout: 60_000 }, () => {
  const admin = new pg.Pool({ connectionString: url, max: 1 })
  const env = { DATABASE_URL: url }
  afterAll(() => admin.end())
  const schemas = async (): Promise<string[]> => {
    const { rows } = await admin.query<{ name: string }>(
      `select nspname::text as name from pg_namespace where starts_with(nspname::text, 'millrace_bench_')`,
    )
    return rows.map(({ name }) => name)
  }

  it('measures what it says, and leaves nothing', async () => {
    const { code, stdout, stderr } = await run(['bench', '--jobs', '1200', '--concurrency', '20', '--json'], { env })
    expect([code, stderr]).toEqual([0, ''])
    const figures: unknown = JSON.parse(stdout)
    const rate = { perSecond: expect.any(Number) }
    expect(figures).toMatchObject({
      add: { single: { jobs: 500, ...rate }, batch: { jobs: 1200, batchSize: 500, ...rate } },
      drain: { jobs: 1700, concurrency: 20, ...rate },
      addToStart: { samples: 200 },
      transaction: { empty: { samples: 200 }, writing: { samples: 200 } },
      leftOver: [],
    })
    const { addToStart } = figures as { addToStart: { p50: number; max: number } }
    expect(addToStart.p50).toBeGreaterThan(0)
    expect(addToStart.max).toBeGreaterThanOrEqual(addToStart.p50)
    expect(await schemas()).toEqual([])
  })

  it('leaves nothing after Ctrl-C, and says what is left of a run that was killed', async () => {
    const interrupted = start(['bench', '--jobs', '1000000'], { env })
    await poll(async () => (await schemas()).length === 1)
    interrupted.child.kill('SIGINT')
    expect(await interrupted.ended).toMatchObject({ code: 1, stderr: expect.stringContaining('interrupted') })
    expect(await schemas()).toEqual([])

    const killed = start(['bench', '--jobs', '1000000'], { env })
    await poll(async () => (await schemas()).length === 1)
    killed.child.kill('SIGKILL')
    await killed.ended
    const [left = ''] = await schemas()
    const next = await run(['bench', '--jobs', '10'], { env })
    expect(next.stdout).toContain(`drop schema "${left}" cascade;`)
    await admin.query(`drop schema "${left}" cascade`)
    expect(await schemas()).toEqual([])
  })

  it('refuses a schema, and makes no embedded database', async () => {
    expect(await run(['bench', '--schema', 'x'], { env })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('OPTION_INVALID'),
    })
    expect(await run(['bench', '--data', '/nonexistent/data'])).toMatchObject({ code: 3 })
  })
})
