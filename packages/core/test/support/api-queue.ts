import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import {
  initJobQueue,
  type JobHandler,
  type JobQueue,
  type PostgresJobQueueConfig,
  type ProcessorOptions,
} from '../../src/index.ts'

/** The server that tests run against; without it, tests that need one are skipped. */
export const serverUrl: string = process.env['MILLRACE_TEST_PG18_URL'] ?? ''
export const hasServer: boolean = serverUrl !== ''

export interface ApiTest {
  /** The queue of this test, made afresh; closed after it. */
  readonly queue: JobQueue
  /** A further queue on the same instance; closed after the test. */
  open(config?: Partial<PostgresJobQueueConfig>): JobQueue
  /** Runs SQL next to the queue; `:schema` stands for its schema. */
  sql(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>
  /** Takes one batch and runs it. The number of jobs handled. */
  run(handlers: Readonly<Record<string, JobHandler>>, options?: ProcessorOptions): Promise<number>
  /** What has happened to a job, as event types in order. */
  history(jobId: number): Promise<string[]>
  /** What a read finds of a job that must be there. */
  job(jobId: number): Promise<NonNullable<Awaited<ReturnType<JobQueue['getJob']>>>>
}

/** What a test may leave something in; the tables are read from the catalog, so that a new one is not forgotten. */
const TABLES = `select string_agg(format('%I.%I', schemaname, tablename), ', ') as tables from pg_tables
  where schemaname = ':schema' and tablename not in ('settings', 'migrations')`

/** An instance in a schema of its own, empty before each test of the file and gone after the last. */
export function useApi(schema: string): ApiTest {
  let admin: pg.Pool | undefined
  let current: JobQueue | undefined
  const opened: JobQueue[] = []

  const sql: ApiTest['sql'] = async (text, values) => {
    if (admin === undefined) throw new Error('the instance is there from the first test on')
    return (await admin.query<Record<string, unknown>>(text.replaceAll(':schema', schema), values)).rows
  }
  const open: ApiTest['open'] = (config = {}) => {
    const queue = initJobQueue({
      ...(config.pool === undefined ? { databaseConfig: { connectionString: serverUrl, max: 4 } } : {}),
      schema,
      listen: false,
      ...config,
    })
    opened.push(queue)
    return queue
  }
  const api: ApiTest = {
    get queue() {
      current ??= open()
      return current
    },
    open,
    sql,
    run: (handlers, options) => api.queue.createProcessor(handlers, { heartbeat: 'main', ...options }).start(),
    history: async (jobId) => (await api.queue.getJobEvents(jobId)).map((event) => event.eventType),
    async job(jobId) {
      const job = await api.queue.getJob(jobId)
      if (job === null) throw new Error(`there is no job ${jobId}`)
      return job
    },
  }

  beforeAll(async () => {
    if (!hasServer) return
    admin = new pg.Pool({ connectionString: serverUrl, max: 2 })
    await sql('drop schema if exists :schema cascade')
    await open().ready()
  })
  beforeEach(async () => {
    if (!hasServer) return
    const [row] = await sql(TABLES)
    await sql(`truncate ${String(row?.['tables'])}`)
    await sql('update :schema.settings set group_limit = null')
  })
  afterEach(async () => {
    current = undefined
    await Promise.all(opened.splice(0).map((queue) => queue.close({ drainMs: 2000 })))
  })
  afterAll(async () => {
    await Promise.all(opened.splice(0).map((queue) => queue.close()))
    if (admin === undefined) return
    await sql('drop schema if exists :schema cascade')
    await admin.end()
  })
  return api
}
