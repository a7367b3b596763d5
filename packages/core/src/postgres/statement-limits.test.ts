import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { PoolExecutor } from './pool-executor.ts'
import { StatementLimits } from './statement-limits.ts'

const url = process.env['MILLRACE_TEST_PG18_URL'] ?? ''

describe('limits of statements', () => {
  it('pass, each of them, but one that was ended before', async () => {
    const limits = new StatementLimits()
    const passed: string[] = []
    await new Promise<void>((resolve) => {
      limits.start(60, () => {
        passed.push('last')
        resolve()
      })
      limits.start(10, () => passed.push('first'))
      limits.start(20, () => passed.push('ended'))()
    })
    expect(passed.toSorted()).toEqual(['first', 'last'])
    limits.close()
  })

  it('hold after the end, for what is under way then', async () => {
    const limits = new StatementLimits()
    const passed = new Promise<string>((resolve) => limits.start(20, () => resolve('passed')))
    limits.close()
    expect(await passed).toBe('passed')
  })

  it.skipIf(url === '')("hold on a user's pool when the queue closes under a statement", async () => {
    const pool = new pg.Pool({ connectionString: url, max: 1 })
    try {
      const executor = new PoolExecutor({ pool })
      const connected = new Promise((resolve) => pool.once('acquire', resolve))
      const underWay = executor.query('select pg_sleep(20)', [], { timeoutMs: 300 })
      const failure = underWay.then(
        () => null,
        (error: unknown) => error,
      )
      await connected
      await executor.close()
      expect(await failure).toMatchObject({ code: 'STORE_TIMEOUT' })
      // The connection on which it runs on is not handed to the next.
      expect((await pool.query('select 1 as a')).rows).toEqual([{ a: 1 }])
    } finally {
      await pool.end()
    }
  })
})
