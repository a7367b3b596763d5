/**
 * What an instance holds, in a form that every store reads and writes. Times are whole milliseconds since 1970, JSON values
 * that nobody looks into are their text, what there is not is absent.
 */

/** What a job waits for, or how it ended. One that is paused is as it was before it was put aside. */
export type PortableState =
  | 'ready'
  | 'timed'
  | 'group'
  | 'dependencies'
  | 'waiting'
  | 'completed'
  | 'failed'
  | 'cancelled'

/** A job that nobody runs, with all that belongs to it. */
export interface PortableJob {
  readonly id: number
  readonly jobType: string
  readonly payload: string
  readonly state: PortableState
  /** Its place in the ready order, drawn from the same numbers as ids. */
  readonly place: number
  readonly priority: number
  readonly attempts: number
  readonly maxAttempts: number
  readonly createdAt: number
  readonly runAt: number
  readonly rich?: boolean
  readonly forceKill?: boolean
  readonly retryBackoff?: boolean
  /** Of a `timed` job. */
  readonly dueAt?: number
  readonly claimedAt?: number
  readonly startedAt?: number
  readonly finishedAt?: number
  readonly nextAttemptAt?: number
  readonly lastFailedAt?: number
  readonly lastRetriedAt?: number
  readonly lastCancelledAt?: number
  readonly changedAt?: number
  readonly deadLetteredAt?: number
  readonly waitUntil?: number
  readonly crashes?: number
  readonly trailDropped?: number
  readonly timeoutMs?: number
  readonly retryDelay?: number
  readonly retryDelayMax?: number
  readonly progress?: number
  readonly deadLetterJobId?: number
  readonly handlerVersion?: number
  readonly lockedBy?: string
  readonly idempotencyKey?: string
  readonly tenantId?: string
  readonly groupId?: string
  readonly queue?: string
  readonly groupTier?: string
  readonly deadLetterJobType?: string
  readonly failureReason?: string
  readonly pendingReason?: string
  readonly waitTokenId?: string
  readonly onFailure?: string
  readonly output?: string
  readonly trace?: string
  readonly tags?: readonly string[]
  readonly dependsOnJobIds?: readonly number[]
  readonly dependsOnTags?: readonly string[]
  readonly dependsOnNames?: readonly string[]
  /** It has the place in its group that it had: it was ready, or keeps it between two attempts. */
  readonly holdsPlace?: boolean
  /** Its key finds this job. */
  readonly holdsKey?: boolean
  /** What its key is unique within, if it is not the tenant. */
  readonly keyScope?: string
  /** Until when its key is taken, whatever becomes of it. */
  readonly keyUntil?: number
  /** Those of `dependsOnJobIds`, and of what closed its barrier, that are open. */
  readonly waitsFor?: readonly number[]
  /** Its tag barrier is closed. */
  readonly hasBarrier?: boolean
  readonly schedule?: PortableJobSchedule
  /** Past attempts and notes, oldest first, with times in ISO 8601. */
  readonly trail?: readonly Readonly<Record<string, unknown>>[]
  readonly steps?: readonly PortableStep[]
  /** Signals not awaited yet, oldest first. */
  readonly signals?: readonly { readonly name: string; readonly data: string; readonly rich: boolean }[]
  /** Tokens that its handler made. */
  readonly tokens?: readonly PortableToken[]
}

/** Which schedule added a job. */
export interface PortableJobSchedule {
  readonly id: number
  readonly name: string
  /** Of the schedule. */
  readonly tenantId?: string
  readonly tick: number
  readonly manual?: boolean
}

/** A step or a wait; letters as in `0003_steps_and_waits.sql`. */
export interface PortableStep {
  readonly key: string
  readonly kind: string
  readonly status: string
  readonly attempt: number
  readonly tries: number
  readonly rich: boolean
  readonly timedOut: boolean
  /** Its place among the beginnings and ends of all steps of the job, from 1. */
  readonly order: number
  readonly endedOrder?: number
  readonly startedAt: number
  readonly endedAt?: number
  readonly waitUntil?: number
  readonly awaited?: string
  readonly filter?: string
  readonly result?: string
  readonly error?: string
}

/** A token on its way from one store to another. */
export interface PortableToken {
  readonly id: string
  /** w waiting, c completed, t timed out */
  readonly status: string
  readonly rich: boolean
  readonly createdAt: number
  readonly timeoutAt?: number
  readonly completedAt?: number
  readonly output?: string
  readonly tags?: readonly string[]
}

export type PortableKind = 'text' | 'number' | 'time' | 'flag' | 'texts' | 'numbers'

/** The plain fields of a job by what they are: for the readers and writers of each store, and to check what a file says. */
export const PORTABLE_FIELDS: Readonly<Partial<Record<keyof PortableJob, PortableKind>>> = {
  id: 'number',
  jobType: 'text',
  payload: 'text',
  state: 'text',
  place: 'number',
  priority: 'number',
  attempts: 'number',
  maxAttempts: 'number',
  createdAt: 'time',
  runAt: 'time',
  rich: 'flag',
  forceKill: 'flag',
  retryBackoff: 'flag',
  dueAt: 'time',
  claimedAt: 'time',
  startedAt: 'time',
  finishedAt: 'time',
  nextAttemptAt: 'time',
  lastFailedAt: 'time',
  lastRetriedAt: 'time',
  lastCancelledAt: 'time',
  changedAt: 'time',
  deadLetteredAt: 'time',
  waitUntil: 'time',
  crashes: 'number',
  trailDropped: 'number',
  timeoutMs: 'number',
  retryDelay: 'number',
  retryDelayMax: 'number',
  progress: 'number',
  deadLetterJobId: 'number',
  handlerVersion: 'number',
  lockedBy: 'text',
  idempotencyKey: 'text',
  tenantId: 'text',
  groupId: 'text',
  queue: 'text',
  groupTier: 'text',
  deadLetterJobType: 'text',
  failureReason: 'text',
  pendingReason: 'text',
  waitTokenId: 'text',
  onFailure: 'text',
  output: 'text',
  trace: 'text',
  tags: 'texts',
  dependsOnJobIds: 'numbers',
  dependsOnTags: 'texts',
  dependsOnNames: 'texts',
  holdsPlace: 'flag',
  holdsKey: 'flag',
  keyScope: 'text',
  keyUntil: 'time',
  waitsFor: 'numbers',
  hasBarrier: 'flag',
}

/** Where the ids of a source went: those from `from` to `to` are now `shift` higher. */
export interface IdRange {
  readonly from: number
  readonly to: number
  readonly shift: number
}

/** The id that a job of the source has here; what lies outside of every range was never imported, and stays. */
export function shiftedId(ranges: readonly IdRange[], id: number): number {
  const range = ranges.find(({ from, to }) => id >= from && id <= to)
  return range === undefined ? id : id + range.shift
}

/** The same job under the ids that it and what it refers to have in another instance. */
export function shiftedJob(ranges: readonly IdRange[], job: PortableJob): PortableJob {
  const here = (id: number): number => shiftedId(ranges, id)
  return {
    ...job,
    id: here(job.id),
    place: here(job.place),
    ...(job.deadLetterJobId !== undefined && { deadLetterJobId: here(job.deadLetterJobId) }),
    ...(job.dependsOnJobIds !== undefined && { dependsOnJobIds: job.dependsOnJobIds.map(here) }),
    ...(job.waitsFor !== undefined && { waitsFor: job.waitsFor.map(here) }),
  }
}
