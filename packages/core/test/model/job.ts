import type { Settlement } from '../../src/store/settle.ts'

/** Where a job is, as far as anybody can tell from outside: what it waits for, or how it ended. */
export type Place = 'ready' | 'timed' | 'group' | 'running' | 'completed' | 'failed' | 'cancelled'

/** The model's idea of a job. Hours of the model are hours of the store: only `advance` lets them pass. */
export interface ModelJob {
  readonly id: number
  readonly jobType: string
  readonly group: string | null
  readonly key: string | null
  place: Place
  priority: number
  attempts: number
  maxAttempts: number
  crashes: number
  /** Position in the ready order; `'new'` from when a later one is drawn until the store has told which. */
  seq: number | 'new'
  /** When a timed job is due. */
  dueAt: number
  /** Between two attempts. */
  isRetry: boolean
  token: number | null
  worker: number | null
  isCancelRequested: boolean
  deadLetterJobType: string | null
  /** The dead letter made of it; `'new'` until the store has told which. */
  letter: number | 'new' | null
  progress: number | null
  output: string | null
  errors: number
  endedAt: number
}

/** A right to an attempt that was once given out, and what the holder has been told about it. */
export interface Handle {
  readonly id: number
  readonly token: number
  readonly worker: number
  /** What was recorded for it, if anything. */
  settled: Settlement['kind'] | null
}

export interface ModelWorker {
  readonly id: number
  readonly leaseHours: number
  readonly groupConcurrency: number | null
  expiresAt: number
}

/** What the model asks to be added. */
export interface ModelNewJob {
  readonly jobType?: string
  readonly priority?: number
  readonly group?: string
  readonly key?: string
  readonly delayHours?: number
  readonly maxAttempts?: number
  readonly deadLetterJobType?: string
}

export function newModelJob(id: number, job: ModelNewJob, now: number): ModelJob {
  const { jobType = 'work', priority = 0, group = null, key = null, delayHours = 0, maxAttempts = 3 } = job
  const arrival = group === null ? 'ready' : 'group'
  return {
    id,
    jobType,
    group,
    key,
    place: delayHours > 0 ? 'timed' : arrival,
    priority,
    attempts: 0,
    maxAttempts,
    crashes: 0,
    seq: id,
    dueAt: now + delayHours,
    isRetry: false,
    token: null,
    worker: null,
    isCancelRequested: false,
    deadLetterJobType: job.deadLetterJobType ?? null,
    letter: null,
    progress: null,
    output: null,
    errors: 0,
    endedAt: 0,
  }
}

export function isLive(job: ModelJob): boolean {
  return job.place !== 'completed' && job.place !== 'failed' && job.place !== 'cancelled'
}

/** Whether it holds a place in its group. */
export function holdsPlace(job: ModelJob): boolean {
  return job.place === 'ready' || job.place === 'running'
}

/** What the public API calls it. */
export function statusOf(job: ModelJob): string {
  switch (job.place) {
    case 'running':
      return 'processing'
    case 'completed':
    case 'failed':
    case 'cancelled':
      return job.place
    case 'ready':
    case 'timed':
    case 'group':
      return job.isRetry ? 'failed' : 'pending'
  }
}

/** The order in which jobs start. A position that was just drawn is later than all that are known. */
export function inOrder(a: ModelJob, b: ModelJob): number {
  return b.priority - a.priority || Number(position(a) > position(b)) - Number(position(a) < position(b))
}

function position({ seq }: ModelJob): number {
  return seq === 'new' ? Infinity : seq
}
