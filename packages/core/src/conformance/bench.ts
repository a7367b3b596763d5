import type { JobEventType } from '../model/event.ts'
import type { FailureReason, JobError, JobRecord } from '../model/job.ts'
import type {
  ClaimedJob,
  ExchangeOptions,
  ExchangeResult,
  HousekeepingResult,
  RegisterOptions,
} from '../store/claim.ts'
import type { NewJob } from '../store/enqueue.ts'
import type { Settlement, SettleResult } from '../store/settle.ts'
import type { Store } from '../store/store.ts'
import { check } from './assert.ts'
import type { ConformanceTarget } from './case.ts'

/** A lease long enough that no case outlives it by accident. */
const LEASE_MS = 60_000

/** Short words for what cases do all the time. */
export class Bench {
  readonly target: ConformanceTarget
  readonly store: Store

  constructor(target: ConformanceTarget) {
    this.target = target
    this.store = target.store
  }

  /** Adds one job of type `work` and answers its id. */
  async add(job: Partial<NewJob> = {}): Promise<number> {
    const [id] = await this.addAll([job])
    check(id !== undefined, 'an add answers an id')
    return id
  }

  /** Adds jobs of type `work` in one call. */
  async addAll(jobs: readonly Partial<NewJob>[]): Promise<readonly number[]> {
    const { ids } = await this.store.enqueue({ jobs: jobs.map(newJob) })
    return ids
  }

  /** Registers a worker and answers its number. */
  worker(options: Partial<RegisterOptions> = {}): Promise<number> {
    return this.store.register({
      workerId: 'bench',
      leaseMs: LEASE_MS,
      concurrency: 10,
      host: 'localhost',
      pid: 1,
      version: '0.0.0',
      ...options,
    })
  }

  /** One round trip; a sweep for nothing unless told otherwise. */
  exchange(worker: number, options: Partial<ExchangeOptions> = {}): Promise<ExchangeResult> {
    return this.store.exchange({
      worker,
      settlements: [],
      limit: 0,
      slots: options.limit ?? 0,
      from: 'sweep',
      keepCompleted: true,
      ...options,
    })
  }

  /** Claims by a sweep, every slot free. */
  async claim(worker: number, limit = 100, options: Partial<ExchangeOptions> = {}): Promise<readonly ClaimedJob[]> {
    return (await this.exchange(worker, { limit, ...options })).jobs
  }

  /** Claims exactly one job; fails if there is none. */
  async claimOne(worker: number): Promise<ClaimedJob> {
    const [job] = await this.claim(worker, 1)
    check(job !== undefined, 'there is a job to claim')
    return job
  }

  /** Adds a job and claims it. */
  async start(worker: number, job: Partial<NewJob> = {}): Promise<ClaimedJob> {
    await this.add(job)
    return this.claimOne(worker)
  }

  /** Ids of what a claim answers, in the order the jobs must start. */
  async claimIds(worker: number, limit = 100, options: Partial<ExchangeOptions> = {}): Promise<number[]> {
    return (await this.claim(worker, limit, options)).map(({ id }) => id)
  }

  async keepHouse(worker: number): Promise<HousekeepingResult & { readonly alive: boolean }> {
    const { housekeeping, alive } = await this.exchange(worker, { housekeeping: true })
    check(housekeeping !== undefined, 'housekeeping that was asked for is answered')
    return { ...housekeeping, alive }
  }

  settle(...settlements: Settlement[]): Promise<readonly SettleResult[]> {
    return this.store.settle({ settlements, keepCompleted: true })
  }

  /** Adds, claims and settles a job in one go. */
  async finish(worker: number, how: (job: ClaimedJob) => Settlement, job: Partial<NewJob> = {}): Promise<ClaimedJob> {
    const claimed = await this.start(worker, job)
    await this.settle(how(claimed))
    return claimed
  }

  /** Resolves once the store's clock is `ms` further, and no sooner: stores differ in how long a call takes. */
  async pass(ms: number): Promise<void> {
    const from = await this.store.storeTime()
    while ((await this.store.storeTime()).getTime() <= from.getTime() + ms);
  }

  async job(id: number): Promise<JobRecord> {
    const job = await this.store.getJob({ id })
    check(job !== null, `job ${id} exists`)
    return job
  }

  async events(id: number): Promise<readonly JobEventType[]> {
    return (await this.store.listEvents({ id })).map(({ eventType }) => eventType)
  }
}

function newJob(job: Partial<NewJob>): NewJob {
  return { jobType: 'work', payload: '{}', ...job }
}

type Attempt = Pick<ClaimedJob, 'id' | 'token'>

export function completed({ id, token }: Attempt, output?: string): Settlement {
  return output === undefined ? { id, token, kind: 'completed' } : { id, token, kind: 'completed', output }
}

export function retry({ id, token }: Attempt, delayMs = 0, message = 'once more'): Settlement {
  return { id, token, kind: 'retry', delayMs, error: jobError(message), reason: 'handler_error' }
}

export function failed({ id, token }: Attempt, message = 'no more'): Settlement {
  return { id, token, kind: 'failed', error: jobError(message), reason: 'handler_error' }
}

export function snoozed({ id, token }: Attempt, delayMs = 0): Settlement {
  return { id, token, kind: 'snoozed', delayMs }
}

export function released({ id, token }: Attempt): Settlement {
  return { id, token, kind: 'released' }
}

export function cancelled({ id, token }: Attempt): Settlement {
  return { id, token, kind: 'cancelled' }
}

export function jobError(message: string, reason: FailureReason = 'handler_error'): JobError {
  return { message, timestamp: '2026-01-01T00:00:00.000Z', name: 'Error', reason, attempt: 1, workerId: 'bench' }
}
