import { initJobQueue, type JobHandler, type JobQueue } from 'millrace'
import pg from 'pg'
import { afterAll, afterEach, beforeAll } from 'vitest'

/** The server that tests run against; without it, tests that need one are skipped. */
export const serverUrl: string = process.env['MILLRACE_TEST_PG18_URL'] ?? ''
export const hasServer: boolean = serverUrl !== ''

export interface Instance {
  readonly queue: JobQueue
  /** Takes one batch and runs it. */
  run(handlers: Readonly<Record<string, JobHandler>>): Promise<number>
  sql(text: string, values?: unknown[]): Promise<void>
}

/** A queue on a schema of its own, which is gone after the last test of the file. */
export function useInstance(schema: string): Instance {
  let queue: JobQueue | undefined
  let pool: pg.Pool | undefined
  const sql = async (text: string, values?: unknown[]): Promise<void> => {
    await pool?.query(text.replaceAll(':schema', schema), values)
  }
  beforeAll(async () => {
    if (!hasServer) return
    pool = new pg.Pool({ connectionString: serverUrl, max: 1 })
    await sql('drop schema if exists :schema cascade')
    queue = initJobQueue({ databaseConfig: { connectionString: serverUrl, max: 4 }, schema, listen: false })
    await queue.ready()
  })
  const instance: Instance = {
    get queue() {
      if (queue === undefined) throw new Error('the queue is there from the first test on')
      return queue
    },
    run: (handlers) => instance.queue.createProcessor(handlers, { heartbeat: 'main' }).start(),
    sql,
  }
  afterAll(async () => {
    await queue?.close({ drainMs: 2000 })
    await sql('drop schema if exists :schema cascade')
    await pool?.end()
  })
  return instance
}

/** Closes what a test has opened, after it. */
export function useCleanup(): <T extends AsyncDisposable>(opened: T) => T {
  const all: AsyncDisposable[] = []
  afterEach(async () => {
    for (const one of all.splice(0).toReversed()) await one[Symbol.asyncDispose]()
  })
  return (opened) => {
    all.push(opened)
    return opened
  }
}
