import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { initJobQueue, isMillraceError, type JobContext } from '../../src/index.ts'

// As handler-transactions.test.ts, where there is one connection and never a second.

describe('transactions of handlers on the embedded database', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'millrace-embedded-'))
  const queue = initJobQueue({ backend: 'pglite', dataDir })
  // Under load the first start of an embedded database takes longer than a test may.
  beforeAll(() => queue.ready())
  afterAll(async () => {
    await queue.close()
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 })
  })

  const run = async (work: (ctx: JobContext) => Promise<unknown>, jobIds: readonly number[] = []): Promise<void> => {
    const id = await queue.addJob({ jobType: 'work', payload: null, maxAttempts: 1, dependsOn: { jobIds } })
    const handlers = { work: (_payload: unknown, _signal: AbortSignal, ctx: JobContext) => work(ctx) }
    const processor = queue.createProcessor(handlers, { fireSchedules: false })
    await processor.start()
    expect(await queue.getJob(id)).toMatchObject({ status: 'completed', errorHistory: [] })
  }

  it('a statement that fails has the code that it has on a server, and the SQLSTATE', async () => {
    const found: unknown[] = []
    await run(async (ctx) => {
      for (const statement of ['select 1/0', 'select nothing']) {
        const failure: unknown = await ctx
          .runTx(statement, (tx) => tx.query(statement))
          .catch((error: unknown) => error)
        if (isMillraceError(failure)) found.push([failure.code, failure.details.storeCode, failure.details.outcome])
      }
    })
    expect(found).toEqual([
      ['STORE_FAILED', '22012', 'none'],
      ['STORE_FAILED', '42703', 'none'],
    ])
  })

  it('what the context is asked for inside uses the transaction; the queue is refused without it', async () => {
    const before = await queue.addJob({ jobType: 'work', payload: null })
    await queue.createProcessor({ work: () => ['x'] }).start()
    const seen: unknown[] = []
    await run(
      async (ctx) => {
        await ctx.runTx('look', async () => {
          seen.push(
            (await ctx.dependencies()).map(({ output }) => output),
            (await ctx.dependencyCounts()).completed,
          )
          const refused: unknown = await queue.getStats().catch((error: unknown) => error)
          seen.push(isMillraceError(refused) ? refused.code : refused)
        })
      },
      [before],
    )
    expect(seen).toEqual([[['x']], 1, 'IN_TRANSACTION'])
  })
})
