import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { initJobQueue } from '../../src/index.ts'
import { openLab, SERVER_URL } from '../support/lab.ts'
import { poll } from '../support/poll.ts'

/** The weaknesses of the job-queue API that ours must not have; numbers as in the specification. */
describe.skipIf(SERVER_URL === undefined)('weaknesses 1 and 2: connections', () => {
  test('1: concurrent adds and completions do not dead-lock a pool of one', async () => {
    const lab = await openLab()
    const queue = lab.queue({ databaseConfig: { max: 1 }, listen: false })
    await using processor = queue.createProcessor(
      {
        work: async (_payload, _signal, ctx) => {
          await Promise.all([ctx.setProgress(10), ctx.setOutput('x'), queue.getJob(ctx.jobId)])
          if (ctx.groupId === 'parent')
            await Promise.all([1, 2].map((n) => queue.addJob({ jobType: 'work', payload: n })))
        },
      },
      { concurrency: 10, pollInterval: 50, heartbeat: 'main' },
    )
    processor.startInBackground()
    await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        queue.addJob({ jobType: 'work', payload: n, group: { id: n < 10 ? 'parent' : `g${n}` } }),
      ),
    )
    await poll(async () => (await queue.getStats()).byStatus.completed === 70)
    expect(await queue.checkInvariants()).toEqual([])
  })

  test(
    '2: a restart of the server in the middle of work ends nothing, without any error listener',
    { timeout: 90_000 },
    async () => {
      const tools = fileURLToPath(new URL('../../../../tools/servers/postgres.mjs', import.meta.url))
      const { startPostgres } = (await import(tools)) as {
        startPostgres: (options: object) => Promise<{
          url: string
          restart: (mode: string, pauseMs?: number) => Promise<void>
          stop: () => Promise<void>
        }>
      }
      const server = await startPostgres({ version: 18, settings: { fsync: 'off' } })
      const queue = initJobQueue({ databaseConfig: { connectionString: server.url } })
      try {
        const runs = new Map<number, number>()
        const processor = queue.createProcessor(
          { work: (_payload, _signal, ctx) => void runs.set(ctx.jobId, (runs.get(ctx.jobId) ?? 0) + 1) },
          { pollInterval: 100, concurrency: 4, onError: () => undefined },
        )
        processor.startInBackground()
        const ids: number[] = []
        const feed = async (): Promise<void> => {
          for (let n = 0; n < 30; n++) {
            ids.push(await queue.addJob({ jobType: 'work', payload: n }))
            await new Promise((resolve) => setImmediate(resolve))
          }
        }
        await feed()
        for (const mode of ['fast', 'immediate']) {
          const [, restarted] = [feed(), server.restart(mode, 200)]
          // The first call of a queue waits for the server as the later ones do.
          const late = initJobQueue({ databaseConfig: { connectionString: server.url }, listen: false })
          await expect(late.getStats()).resolves.toBeDefined()
          await late.close()
          await restarted
          await feed()
        }
        await poll(async () => (await queue.getStats()).byStatus.completed >= 150, { within: 60_000 })
        await poll(async () => (await queue.getStats()).byStatus.completed === ids.length)
        expect(ids.length).toBe(150)
        expect(runs.size).toBe(150)
        await processor.stopAndDrain()
        expect(await queue.checkInvariants()).toEqual([])
      } finally {
        await queue.close({ drainMs: 0 })
        await server.stop()
      }
    },
  )
})
