import type { ProcessorOptions } from '../processor/processor.ts'
import type { JobQueue } from '../queue-api.ts'
import type { JobRecord } from '../model/job.ts'
import type { JobOptions } from '../model/options.ts'
import { fromPrisma } from './prisma.ts'
import type { PrismaTransaction } from './prisma.ts'

/** A Prisma client whose transactions have the client `Tx`. */
export interface TransactionalPrisma<Tx> {
  $transaction(fn: (tx: Tx) => Promise<unknown>): Promise<unknown>
}

/** What `createDoctorJobs` takes besides the client of Prisma. */
export interface DoctorJobsOptions {
  /** On the database that the Prisma client uses. */
  readonly queue: JobQueue
  /** The type under which the jobs are stored. Default `'doctor-job'`. */
  readonly jobType?: string
  /** How often a job is tried. Default: the queue's, 3. */
  readonly maxAttempts?: number
  /** As for `createProcessor`. */
  readonly processor?: ProcessorOptions
}

/** How a job is run, where it differs from the others: when, how urgently, how often. */
export type DoctorJobsQueueOptions = Omit<JobOptions<Record<string, unknown>>, 'jobType' | 'payload'>

/** A job that used up its attempts. */
export interface DoctorDeadLetter {
  readonly id: string
  /** The job as it was queued, as JSON. */
  readonly data: string
  readonly createdAt: Date
  readonly updatedAt: Date
  /** The error of the last attempt. */
  readonly error: string | null
  readonly attempts: number
}

/** What the function of `queue` answers. */
export interface QueuedWith<Data, Jobs> {
  readonly data: Data
  readonly job: Jobs
  readonly options?: DoctorJobsQueueOptions
}

/** What `createDoctorJobs` makes. */
export interface DoctorJobs<Jobs, Tx> {
  /**
   * Runs `fn` in a transaction of Prisma, adds the job that it answers in the same one, and resolves with its `data`. What `fn`
   * writes through another client than `tx` is no part of it.
   */
  queue<Data>(fn: (tx: Tx) => Promise<QueuedWith<Data, Jobs>>): Promise<Data>
  /** Works on what is ready now, with retries and backoff; resolves when it is done. Never rejects for a failing handler. */
  run(handleJobs: (job: Jobs) => unknown): Promise<void>
  /** Works in the background until `stop`: a job begins as soon as it is there, and as many run at once as `processor` says. */
  start(handleJobs: (job: Jobs) => unknown): void
  /** What used up its attempts, newest first, at most 1000. `queue.retryJob(Number(id))` tries one again. */
  getDeadLetters(): Promise<DoctorDeadLetter[]>
  /** Stops working and waits for running handlers. */
  stop(): Promise<void>
}

const DEAD_LETTERS = 1000

/**
 * `queue`, `run` and `getDeadLetters` as `DoctorJob` has them, on the queue's own tables: any number of processes, retries with
 * backoff, and errors that are kept.
 *
 * @throws MillraceError as `createProcessor` and `fromPrisma` do
 */
export function createDoctorJobs<Jobs, Tx extends PrismaTransaction = PrismaTransaction>(
  prisma: TransactionalPrisma<Tx>,
  { queue, jobType = 'doctor-job', maxAttempts, processor: processorOptions }: DoctorJobsOptions,
): DoctorJobs<Jobs, Tx> {
  let handle: (job: Jobs) => unknown = () => undefined
  // One handler for all: a job is a member of a union, and what runs it is a switch.
  const processor = queue.createProcessor({ [jobType]: (job) => handle(job as Jobs) }, { ...processorOptions, jobType })
  return {
    async queue<Data>(fn: (tx: Tx) => Promise<QueuedWith<Data, Jobs>>) {
      const answers: Data[] = []
      await prisma.$transaction(async (tx) => {
        const { data, job, options } = await fn(tx)
        const added = { ...(maxAttempts && { maxAttempts }), ...options, jobType, payload: job }
        await queue.addJob(added, { db: fromPrisma(tx) })
        answers.push(data)
      })
      const [answer] = answers as [Data]
      return answer
    },
    async run(handleJobs) {
      handle = handleJobs
      await processor.start()
    },
    start(handleJobs) {
      handle = handleJobs
      processor.startInBackground()
    },
    async getDeadLetters() {
      return (await queue.getJobs({ jobType, status: 'failed', final: true }, DEAD_LETTERS)).map(deadLetter)
    },
    stop: () => processor.stopAndDrain(),
  }
}

function deadLetter(job: JobRecord): DoctorDeadLetter {
  return {
    id: String(job.id),
    data: JSON.stringify(job.payload),
    createdAt: job.createdAt,
    updatedAt: job.updatedAt,
    error: job.errorHistory.at(-1)?.message ?? null,
    attempts: job.attempts,
  }
}
