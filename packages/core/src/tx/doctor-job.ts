import { randomUUID } from 'node:crypto'
import { MillraceError } from '../errors.ts'
import { hasMethod } from './handle.ts'
import { JobLeases } from './job-leases.ts'
import type { LeaseClient, TransactionalLeaseClient } from './job-leases.ts'

/** `Either` of fp-ts, by shape. */
export type EitherLike<E, A> =
  | { readonly _tag: 'Left'; readonly left: E }
  | { readonly _tag: 'Right'; readonly right: A }

/** `Option` of fp-ts, by shape. */
export type OptionLike<A> = { readonly _tag: 'None' } | { readonly _tag: 'Some'; readonly value: A }

/** A model of a Prisma client whose type is not known here; its answers fit wherever they are used. */
export type AnyModel = Readonly<Record<string, (args?: object) => Promise<never>>>

/**
 * A Prisma client, or the `tx` of its transaction, with models of whatever names. Give your own client's type as the fourth
 * argument of `DoctorJob` to have its models checked.
 */
export type AnyPrisma = LeaseClient & Readonly<Record<string, AnyModel>>

/** What `DoctorJob` writes to. */
export interface DoctorLogger {
  info(message: string): void
  error(message: string, error?: unknown): void
}

/** What `new DoctorJob` takes. */
export interface DoctorJobOptions<Jobs, Input, DeadLetters, Client> {
  readonly prismaClient: TransactionalLeaseClient
  /** Reads the job out of a row. `Left` makes the row a dead letter. */
  readonly parseJob: (input: Input) => EitherLike<Error, Jobs>
  /** The row to work on next, such as the oldest. */
  readonly getJob: (client: Client) => Promise<OptionLike<Input>>
  /** Writes a row, inside the transaction of `queue`. */
  readonly createJob: (tx: Client, data: string) => Promise<unknown>
  /** Deletes a row. Default: `tx.job.delete({ where: { id } })`. */
  readonly deleteJob?: (tx: Client, id: string) => Promise<unknown>
  /** Keeps what failed for good, in the transaction that deletes the row; `error` is why. */
  readonly createDeadLetter: (tx: Client, input: Input, error: Error) => Promise<unknown>
  readonly getDeadLetters: (client: Client) => Promise<DeadLetters[]>
  /** Where failures are told. Default: the console. */
  readonly logger?: DoctorLogger
  /** How often a job may fail before it is a dead letter. Default 1: the first failure is final. */
  readonly maxAttempts?: number
  /** How often a job may be started whose process died before it ended. Default 3. */
  readonly maxStarts?: number
  /** How long a failed job waits before its next attempt. Default 1000. The jobs behind it wait, too. */
  readonly retryDelayMs?: number
  /** How many jobs one `run` works on. Default 1. */
  readonly batchSize?: number
  /** A process silent for so long loses the job that it works on. Default 30,000; from 1000. */
  readonly leaseMs?: number
}

/**
 * Jobs in a table of your own, through Prisma: a job is a row with `id` and `data` that is written in your transaction, and a
 * loop over `run` works on the rows one after the other.
 *
 * While a handler runs, its row is leased to this process by an entry in `millrace_doctor.leases`, which is made at the first
 * run and removed with the row: no row is worked on twice at the same time, in whatever process, and the lease of a process
 * that died runs out. No connection is held meanwhile. Needs PostgreSQL.
 *
 * For retries with backoff, concurrency, schedules and history, see `createDoctorJobs`.
 */
export class DoctorJob<Jobs, Input extends { readonly id: string }, DeadLetters = unknown, Client = AnyPrisma> {
  readonly #options: DoctorJobOptions<Jobs, Input, DeadLetters, Client>
  readonly #client: Client
  readonly #leases: JobLeases
  readonly #logger: DoctorLogger
  #running: Promise<void> | undefined
  #isTold = false

  /** @throws MillraceError `OPTION_INVALID` for a missing function or client */
  constructor(options: DoctorJobOptions<Jobs, Input, DeadLetters, Client>) {
    checkOptions(options)
    this.#options = options
    // The client's own type is the caller's to name.
    this.#client = options.prismaClient as never
    this.#leases = new JobLeases(options.prismaClient, options.leaseMs ?? 30_000)
    this.#logger = options.logger ?? console
  }

  /**
   * Runs `fn` in a transaction, adds the job that it answers in the same one, and resolves with its `data`. Neither is there
   * unless both are, provided that `fn` writes through `tx`.
   */
  async queue<Data>(fn: (tx: Client) => Promise<{ readonly data: Data; readonly job: Jobs }>): Promise<Data> {
    this.#tellOutside(fn)
    const answers: Data[] = []
    await this.#transaction(async (tx) => {
      const { data, job } = await fn(tx)
      await this.#options.createJob(tx, JSON.stringify(job))
      answers.push(data)
    })
    const [answer] = answers as [Data]
    return answer
  }

  /**
   * Works on the next job, if there is one that nobody works on. Resolves when its handler has ended and what became of it is
   * recorded. Never rejects, so that it can be called from a timer: failures are told to the logger. Called while it runs, it
   * joins the run under way.
   */
  run(handleJobs: (job: Jobs) => unknown): Promise<void> {
    this.#running ??= this.#runBatch(handleJobs)
      .catch((error: unknown) => this.#logger.error('[doctor-job] the database failed', error))
      .finally(() => {
        this.#running = undefined
      })
    return this.#running
  }

  /** What failed for good. */
  getDeadLetters(): Promise<DeadLetters[]> {
    return this.#options.getDeadLetters(this.#client)
  }

  /** What a function without `tx` writes, it writes elsewhere: that stays when the job cannot be added. */
  #tellOutside(fn: (tx: Client) => unknown): void {
    if (fn.length > 0 || this.#isTold) return
    this.#isTold = true
    this.#logger.info(
      '[doctor-job] the function that `queue` runs takes no `tx`: what it writes through another client is no part of the transaction',
    )
  }

  async #runBatch(handle: (job: Jobs) => unknown): Promise<void> {
    for (let left = this.#options.batchSize ?? 1; left > 0; left--) {
      if (!(await this.#runNext(handle))) return
    }
  }

  async #runNext(handle: (job: Jobs) => unknown): Promise<boolean> {
    const next = await this.#options.getJob(this.#client)
    if (next._tag === 'None') return false
    const { id } = next.value
    const token = randomUUID()
    const starts = await this.#leases.take(id, token)
    if (starts === null) return false
    // Whoever held it before may have finished it between the look and the lease; the row tells.
    const still = await this.#options.getJob(this.#client)
    if (still._tag === 'None' || still.value.id !== id) {
      await this.#leases.drop(this.#client as never, id, token)
      return still._tag === 'Some'
    }
    const failure = await this.#attempt(still.value, { id, token, starts }, handle)
    await this.#settle(still.value, token, failure)
    return true
  }

  async #attempt(
    input: Input,
    lease: { readonly id: string; readonly token: string; readonly starts: number },
    handle: (job: Jobs) => unknown,
  ): Promise<Failure | undefined> {
    const { maxStarts = 3, maxAttempts = 1 } = this.#options
    if (lease.starts > Math.max(maxStarts, maxAttempts)) {
      return { error: new Error(`started ${lease.starts - 1} times without ending`), isFinal: true }
    }
    const stopExtending = this.#leases.keep(lease.id, lease.token, (error) =>
      this.#logger.error(`[doctor-job] job ${lease.id}: the lease could not be extended`, error),
    )
    try {
      const parsed = this.#options.parseJob(input)
      if (parsed._tag === 'Left') return { error: parsed.left, isFinal: true }
      await handle(parsed.right)
      return undefined
    } catch (error) {
      const isFinal = lease.starts >= maxAttempts
      return { error: error instanceof Error ? error : new Error(String(error)), isFinal }
    } finally {
      stopExtending()
    }
  }

  async #settle(input: Input, token: string, failure: Failure | undefined): Promise<void> {
    if (failure !== undefined) this.#logger.error(`[doctor-job] job ${input.id} failed`, failure.error)
    if (failure !== undefined && !failure.isFinal) {
      await this.#leases.postpone(input.id, token, this.#options.retryDelayMs ?? 1000)
      return
    }
    await this.#transaction(async (tx) => {
      // The lease goes first: who lost it changes nothing.
      if (!(await this.#leases.drop(tx as never, input.id, token))) {
        this.#logger.error(`[doctor-job] job ${input.id} was taken over by another process`)
        return
      }
      await (this.#options.deleteJob ?? deleteFromJob)(tx, input.id)
      if (failure !== undefined) await this.#options.createDeadLetter(tx, input, failure.error)
    })
  }

  async #transaction(fn: (tx: Client) => Promise<void>): Promise<void> {
    await this.#options.prismaClient.$transaction(fn as never)
  }
}

interface Failure {
  readonly error: Error
  readonly isFinal: boolean
}

/** The model's name that the documentation of this interface uses. */
async function deleteFromJob(tx: unknown, id: string): Promise<void> {
  const model: unknown = typeof tx === 'object' && tx !== null ? Reflect.get(tx, 'job') : undefined
  if (!canDelete(model)) {
    throw new MillraceError('OPTION_INVALID', 'There is no model `job` to delete from. Pass `deleteJob`.', {
      details: { field: 'deleteJob', remedy: 'Pass `deleteJob: (tx, id) => …`' },
    })
  }
  await model.delete({ where: { id } })
}

function canDelete(value: unknown): value is { delete(args: object): Promise<unknown> } {
  return hasMethod(value, 'delete')
}

const FUNCTIONS = ['parseJob', 'getJob', 'createJob', 'createDeadLetter', 'getDeadLetters'] as const

function checkOptions<J, I, D, C>(options: DoctorJobOptions<J, I, D, C>): void {
  for (const name of ['$transaction', '$queryRawUnsafe', '$executeRawUnsafe']) {
    if (!hasMethod(options.prismaClient, name)) refuse('prismaClient', 'a Prisma client')
  }
  for (const name of FUNCTIONS) if (typeof options[name] !== 'function') refuse(name, 'a function')
  for (const name of ['maxAttempts', 'maxStarts', 'batchSize'] as const) {
    if (!isIn(options[name], 1, 1_000_000)) refuse(name, 'a whole number from 1')
  }
  if (!isIn(options.retryDelayMs, 0, 86_400_000)) refuse('retryDelayMs', 'a number of milliseconds, at most a day')
  if (!isIn(options.leaseMs, 1000, 86_400_000)) refuse('leaseMs', 'a number of milliseconds from 1000, at most a day')
}

function isIn(value: number | undefined, min: number, max: number): boolean {
  return value === undefined || (Number.isInteger(value) && value >= min && value <= max)
}

function refuse(field: string, expected: string): never {
  throw new MillraceError('OPTION_INVALID', `\`${field}\` must be ${expected}.`, {
    details: { field, remedy: `Pass ${expected}` },
  })
}
