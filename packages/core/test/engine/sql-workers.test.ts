import { describe, expect, it } from 'vitest'
import { openLab, SERVER_URL } from '../support/lab.ts'
import { poll } from '../support/poll.ts'
import { startExample as start, stopExample as stop } from '../support/sql-workers.ts'

describe.skipIf(SERVER_URL === undefined)('the workers of examples/sql-only', () => {
  it.each(['python', 'bash'] as const)('%s completes and fails jobs, and leaves at SIGTERM', async (kind) => {
    const lab = await openLab()
    const queue = lab.queue()
    await queue.ready()
    const name = `O'Brien; \\q $HOME 🙂`
    const greeted = await queue.addJob({ jobType: 'greet', payload: { name } })
    const failed = await queue.addJob({ jobType: 'fail', payload: {}, maxAttempts: 1 })
    const other = await queue.addJob({ jobType: 'other', payload: {} })
    const worker = start(kind, lab)
    const statuses = async (): Promise<unknown[]> =>
      Promise.all([greeted, failed, other].map(async (id) => (await queue.getJob(id))?.status))
    await poll(async () => (await statuses()).join() === 'completed,failed,pending')
    const job = await queue.getJob(greeted)
    expect(JSON.stringify(job?.output)).toContain(
      kind === 'python' ? JSON.stringify(name).slice(1, -1) : "Hello, O'Brien",
    )
    expect((await queue.getJob(failed))?.errorHistory[0]?.message).toContain('this one always fails')
    expect(await stop(worker, 'SIGTERM')).toBe(0)
    await lab.check()
  })

  it(
    'work one queue together with a TypeScript worker, and a killed one loses nothing',
    { timeout: 60_000 },
    async () => {
      const lab = await openLab()
      const queue = lab.queue()
      await queue.ready()
      const ids = await queue.addJobs(
        Array.from({ length: 60 }, (_, n) => ({ jobType: 'greet', payload: { name: `n${n}` }, maxAttempts: 10 })),
      )
      const python = start('python', lab)
      const bash = start('bash', lab)
      const by = async (prefix: string): Promise<number> => {
        const rows = await lab.sql(
          `select count(*)::int as n from "${lab.schema}".finished_jobs where starts_with(locked_by, $1)`,
          [prefix],
        )
        return Number(rows[0]?.['n'])
      }
      await poll(async () => (await by('python')) > 0 && (await by('bash')) > 0)
      await stop(bash, 'SIGKILL')
      const processor = queue.createProcessor(
        { greet: async () => new Promise((resolve) => void setTimeout(resolve, 5)) },
        { workerId: 'typescript', concurrency: 2, pollInterval: 200 },
      )
      processor.startInBackground()
      await queue.addJobs(ids.slice(0, 20).map(() => ({ jobType: 'greet', payload: { name: 'late' } })))
      await poll(async () => (await queue.getJobsByStatus('completed', 200)).length === 80, { within: 40_000 })
      expect(await by('typescript')).toBeGreaterThan(0)
      expect(await stop(python, 'SIGTERM')).toBe(0)
      await processor.stopAndDrain()
      await lab.check()
      expect(await lab.sql(`select * from "${lab.schema}".jobs`)).toEqual([])
    },
  )
})
