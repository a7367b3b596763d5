import type { ClaimedJob, ExchangeResult } from '../../src/store/claim.ts'
import type { NewJob } from '../../src/store/enqueue.ts'
import type { Settlement } from '../../src/store/settle.ts'
import { EPOCH } from './process.ts'

/** Where a job is: what it waits for, under whom it runs, or how it ended. */
export type Lane = 'ready' | 'timed' | 'group' | 'executing' | 'completed' | 'failed' | 'cancelled'

export interface Row {
  readonly id: number
  readonly job: NewJob
  readonly createdAt: number
  readonly nonce: number | undefined
  readySeq: number
  lane: Lane
  attempts: number
  maxAttempts: number
  crashes: number
  /** Stays after the end of the attempt, to recognise what is sent twice. */
  token: number | undefined
  worker: number | undefined
  dueAt: number | undefined
  isBetweenAttempts: boolean
  isCancelRequested: boolean
  /** How each attempt was settled, by its own worker. */
  readonly trail: { readonly token: number; readonly as: string }[]
}

export interface WorkerRow {
  readonly id: number
  readonly leaseMs: number
  readonly groupConcurrency: number | undefined
  expiresAt: number
  isSleeping: boolean
  /** What each claim took, by its token, until all of it is settled. */
  readonly leases: Map<number, readonly number[]>
  readonly cancelRequests: Map<number, { readonly id: number; readonly token: number; readonly lost: boolean }>
}

export function isLive({ lane }: Row): boolean {
  return lane !== 'completed' && lane !== 'failed' && lane !== 'cancelled'
}

export function groupOf({ job }: Row): string | null {
  return job.groupId ?? null
}

export function priorityOf({ job }: Row): number {
  return job.priority ?? 0
}

/** Higher priority first, then by position. */
export function byOrder(left: Row, right: Row): number {
  return priorityOf(right) - priorityOf(left) || left.readySeq - right.readySeq
}

export function claimedJob(row: Row): ClaimedJob {
  const { job } = row
  return {
    id: row.id,
    token: row.token ?? 0,
    jobType: job.jobType,
    payload: job.payload,
    codec: job.codec ?? 'json',
    attempt: row.attempts,
    maxAttempts: row.maxAttempts,
    priority: priorityOf(row),
    readySeq: row.readySeq,
    timeoutMs: job.timeoutMs ?? null,
    forceKillOnTimeout: false,
    tags: null,
    idempotencyKey: job.idempotencyKey ?? null,
    groupId: groupOf(row),
    tenantId: null,
    handlerVersion: null,
    schedule: null,
    createdAt: new Date(EPOCH + row.createdAt).toISOString(),
    retry: { delay: job.retryDelay ?? null, backoff: job.retryBackoff ?? null, delayMax: job.retryDelayMax ?? null },
  }
}

/** The levels that have ready jobs, and where the first job of each stands. */
export function levelsOf(rows: Iterable<Row>): NonNullable<ExchangeResult['levels']> {
  const levels = new Map<number, number>()
  for (const row of rows) {
    if (row.lane !== 'ready') continue
    const priority = priorityOf(row)
    levels.set(priority, Math.min(levels.get(priority) ?? Number.POSITIVE_INFINITY, row.readySeq))
  }
  if (levels.size > 16) return 'many'
  return [...levels].map(([priority, fromSeq]) => ({ priority, fromSeq })).toSorted((a, b) => b.priority - a.priority)
}

/** Whether this settlement took effect before, by a call whose reply was lost. */
export function wasSettled(
  row: Row | undefined,
  { token, kind }: Settlement,
  { keepCompleted }: { readonly keepCompleted: boolean },
): boolean {
  // Without history a completed job leaves no trace.
  if (row === undefined || (row.lane === 'completed' && !keepCompleted)) return false
  const isObeyed = kind !== 'failed' && kind !== 'completed'
  return row.trail.some((past) => past.token === token && (past.as === kind || (past.as === 'cancelled' && isObeyed)))
}
