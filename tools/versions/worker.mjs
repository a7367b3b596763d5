/**
 * A worker of some version, for old-client.mjs:  node worker.mjs <module> <url> <name> work|hold|tick
 *
 * `work` runs everything, `hold` takes a job and never ends it, `tick` runs what schedules add.
 */
import { pathToFileURL } from 'node:url'
import pg from 'pg'

const [, , module = '', url = '', name = '', task] = process.argv
const { initJobQueue } = await import(pathToFileURL(module).href)
const db = new pg.Pool({ connectionString: url, max: 2 })
const queue = initJobQueue({ databaseConfig: { connectionString: url, max: 4 }, listen: false })

/** @param {{ jobId: number; attempt: number }} ctx */
const note = (ctx) => db.query('insert into ran (job, attempt, by) values ($1, $2, $3)', [ctx.jobId, ctx.attempt, name])

/** @type {Record<string, (payload: any, signal: AbortSignal, ctx: any) => Promise<void>>} */
const work = {
  async work({ fails, steps }, _signal, ctx) {
    await note(ctx)
    if (steps === true) await ctx.run('step', () => Promise.resolve(1))
    if (fails === true && ctx.attempt === 1) throw new Error('once')
  },
  hold: async (_payload, _signal, ctx) => void (await note(ctx)),
}
const handlers = {
  work,
  hold: { hold: () => new Promise(() => {}) },
  tick: { tick: async () => {} },
}[task ?? '']

const processor = queue.createProcessor(handlers, {
  concurrency: task === 'work' ? 3 : 1,
  batchSize: 3,
  leaseMs: 2000,
  pollInterval: 100,
  onUnknownType: 'wait',
  onError: (/** @type {unknown} */ error) => console.error(name, error),
})
processor.startInBackground()
process.stdout.write('ready\n')
process.once('SIGTERM', () => void end())

async function end() {
  await processor.stopAndDrain()
  await queue.close()
  await db.end()
}
