import { AssertionError } from 'node:assert'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { JobDefinition, PayloadMapOf } from '../model/define-jobs.ts'
import { handlersOf } from '../model/define-jobs.ts'
import type { JobHandler } from '../model/handler.ts'
import type { JobRecord } from '../model/job.ts'
import type { ProcessorOptions } from '../processor/processor.ts'
import { initJobQueue } from '../queue.ts'
import type { JobQueue, ProcessorHandlers } from '../queue-api.ts'
import { FailureInjector } from './failure-injector.ts'
import { passTime } from './pass-time.ts'

/** What `createTestQueue` takes. */
export interface TestQueueOptions<PayloadMap> {
  /** Default: those of `jobs`. */
  readonly handlers?: ProcessorHandlers<PayloadMap>
  /** The result of `defineJobs`. */
  readonly jobs?: Readonly<Record<string, JobDefinition>>
  /** For the processors that `drain` and `runNext` make. */
  readonly processor?: Omit<ProcessorOptions, 'batchSize'>
}

/** A queue of its own for tests: real, embedded, and gone when it is closed. */
export interface TestQueue<PayloadMap = Record<string, unknown>> extends AsyncDisposable {
  /** Give this to the code under test. */
  readonly queue: JobQueue<PayloadMap>
  /**
   * Runs what is ready, and what that makes ready, until nothing is: the number of attempts. Due schedules fire and tokens expire
   * before each look. Does not wait for what is due later; see `advance`.
   *
   * @param limit - Fails after so many attempts, since jobs that add jobs may never end. Default 10,000.
   */
  drain(limit?: number): Promise<number>
  /** Runs the next ready job: as it stands afterwards, or `null` if none was ready. */
  runNext(): Promise<JobRecord<PayloadMap> | null>
  /**
   * Lets time pass without waiting: what would be due in `ms` is due now. Moves every stored time into the past by so much;
   * the database's clock stays as it is.
   */
  advance(ms: number): Promise<void>
  /**
   * The newest job of this type whose payload has at least what `payload` has.
   *
   * @throws AssertionError of `node:assert` that lists what was added instead
   */
  expectEnqueued<T extends keyof PayloadMap & string>(
    jobType: T,
    payload?: Partial<PayloadMap[T]>,
  ): Promise<JobRecord<PayloadMap, T>>
  /** Makes the next attempts for a type fail with `error`, before their handler is called. */
  failNext(jobType: keyof PayloadMap & string, error: unknown, times?: number): void
  /** Removes all jobs, schedules, tokens and injected failures. */
  reset(): Promise<void>
  close(): Promise<void>
}

const LIMIT = 10_000

/**
 * Makes a queue for tests on the embedded database, in a folder of its own under the system's temporary one. Everything works as in
 * production, since it is the same engine; about a second to start, so share one in a file of tests and `reset` it between them.
 *
 * @throws MillraceError `EMBEDDED_MISSING` without `@millrace/pglite`
 */
export async function createTestQueue<
  const Jobs extends Readonly<Record<string, JobDefinition>>,
  _One extends Jobs = Jobs,
>(options: TestQueueOptions<PayloadMapOf<Jobs>> & { readonly jobs: Jobs }): Promise<TestQueue<PayloadMapOf<Jobs>>>
export async function createTestQueue<PayloadMap = Record<string, unknown>>(
  options?: TestQueueOptions<PayloadMap>,
): Promise<TestQueue<PayloadMap>>
export async function createTestQueue(options: TestQueueOptions<Record<string, unknown>> = {}): Promise<TestQueue> {
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-test-queue-'))
  const { jobs } = options
  const queue: JobQueue = initJobQueue({ backend: 'pglite', dataDir, listen: false, ...(jobs && { jobs }) })
  try {
    await queue.ready()
  } catch (error) {
    await rm(dataDir, { recursive: true, force: true })
    throw error
  }
  return testQueue(queue, options, dataDir)
}

function testQueue(queue: JobQueue, options: TestQueueOptions<Record<string, unknown>>, dataDir: string): TestQueue {
  const injector = new FailureInjector()
  const given = options.handlers ?? (options.jobs === undefined ? {} : handlersOf(options.jobs))
  const handlers = injector.wrap(given as Readonly<Record<string, JobHandler>>)
  const errors: Error[] = []
  const run = async (batchSize: number): Promise<number> => {
    const onError = (error: Error): void => void errors.push(error)
    const processor = queue.createProcessor(handlers, { heartbeat: 'main', onError, ...options.processor, batchSize })
    const handled = await processor.start()
    await processor.stopAndDrain()
    const [error] = errors.splice(0)
    if (error !== undefined) throw error
    return handled
  }
  const makeDue = async (): Promise<void> => {
    await queue.enqueueDueCronJobs()
    await queue.expireTimedOutTokens()
  }
  const close = async (): Promise<void> => {
    await queue.close()
    await rm(dataDir, { recursive: true, force: true })
  }
  return {
    queue,
    async drain(limit = LIMIT) {
      let total = 0
      for (;;) {
        await makeDue()
        const handled = await run(100)
        total += handled
        if (handled === 0) return total
        if (total > limit)
          throw new AssertionError({ message: `more than ${limit} attempts, and there is still more to run` })
      }
    },
    async runNext() {
      await makeDue()
      const ran: number[] = []
      const onStart = ({ jobId }: { readonly jobId: number }): void => void ran.push(jobId)
      queue.on('job:processing', onStart)
      try {
        await run(1)
      } finally {
        queue.off('job:processing', onStart)
      }
      const [id] = ran
      return id === undefined ? null : queue.getJob(id)
    },
    advance: (ms) => queue.transaction((tx) => passTime(tx, ms)),
    expectEnqueued: (jobType, payload) => expectEnqueued(queue, jobType, payload),
    failNext: (jobType, error, times = 1) => injector.failNext(jobType, error, times),
    async reset() {
      injector.reset()
      await queue.transaction(async (tx) => void (await tx.query(RESET)))
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

async function expectEnqueued<T extends string>(
  queue: JobQueue,
  jobType: T,
  payload: unknown = {},
): Promise<JobRecord<Record<string, unknown>, T>> {
  const added = await queue.getJobs<T>({ jobType }, 1000)
  const found = added.find((job) => contains(job.payload, payload))
  if (found !== undefined) return found
  const others = await queue.getJobs({}, 20)
  throw new AssertionError({
    message: `no job ${jobType} was added with ${JSON.stringify(payload)}; the newest are:\n${list(others)}`,
    expected: payload,
    actual: added.map((job) => job.payload),
    operator: 'expectEnqueued',
  })
}

/** Every table of the instance, as the catalog has them. */
const RESET = `do $$ begin
  execute (select 'truncate ' || string_agg(format('%I.%I', schemaname, tablename), ', ') from pg_tables
    where schemaname = 'millrace' and tablename not in ('settings', 'migrations'));
end $$`

function contains(whole: unknown, part: unknown): boolean {
  if (typeof part !== 'object' || part === null || Array.isArray(part)) return isDeepStrictEqual(whole, part)
  if (typeof whole !== 'object' || whole === null) return false
  return Object.entries(part).every(([key, value]) => contains(Reflect.get(whole, key), value))
}

function list(jobs: readonly JobRecord[]): string {
  if (jobs.length === 0) return '  (none)'
  return jobs
    .map(({ id, jobType, status, payload }) => `  ${id} ${jobType} ${status} ${JSON.stringify(payload)}`)
    .join('\n')
}
