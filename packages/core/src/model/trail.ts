import { type JobEvent, type JobEventMetadata, JobEventType } from './event.ts'
import { isJobError } from './job.ts'

/** What a store keeps of a job's past: columns of the job, and the entries that cannot be derived from them. */
export interface JobTrail {
  readonly jobId: number
  readonly jobType: string
  readonly createdAt: Date
  /** Attempts claimed so far. */
  readonly attempt: number
  readonly claimedAt: Date | null
  readonly workerId: string | null
  readonly finishedAt: Date | null
  /** How many of the oldest entries are gone. */
  readonly dropped: number
  /** Past attempts and notes, oldest first, as the store wrote them. */
  readonly entries: readonly unknown[]
  /** What the last claim led to so far; `none` when an entry already tells. */
  readonly current: 'running' | 'completed' | 'none'
  readonly tags?: readonly string[] | undefined
  readonly idempotencyKey?: string | undefined
  /** The job that was made of this one when its last attempt failed. */
  readonly deadLetterJobId?: number | undefined
}

type Happening = Omit<JobEvent, 'id' | 'jobId'>

/**
 * A job's history, derived instead of written: its creation, then each entry of its trail, then the attempt under way or
 * the one that completed it. Nothing can be recorded that did not happen, or happen without being recorded.
 */
export function jobEvents(trail: JobTrail): JobEvent[] {
  const added: Happening = {
    eventType: JobEventType.Added,
    createdAt: trail.createdAt,
    metadata: {
      jobType: trail.jobType,
      ...(trail.tags === undefined ? {} : { tags: trail.tags }),
      ...(trail.idempotencyKey === undefined ? {} : { idempotencyKey: trail.idempotencyKey }),
    },
  }
  const happenings = [added, ...pastEvents(trail)]
  // Dropped entries keep their positions, so an event's id never changes. The creation is the first, always.
  return happenings.map((event, index) => ({
    id: index === 0 ? 1 : index + 1 + trail.dropped,
    jobId: trail.jobId,
    ...event,
  }))
}

/** Notes that belong to the attempt under way, whose own entry is written when it ends. */
const NOTES_OF_ATTEMPT: ReadonlySet<unknown> = new Set(['prolonged', 'cancel_requested'])

function pastEvents(trail: JobTrail): Happening[] {
  const past: Happening[] = []
  let during: Happening[] = []
  // Failing for good is the last that happens to a job; one that is retried has no dead letter any more.
  const last = trail.entries.at(-1)
  for (const entry of trail.entries) {
    const { kind, events } = entryEvents(entry, entry === last ? trail.deadLetterJobId : undefined)
    if (NOTES_OF_ATTEMPT.has(kind)) {
      during.push(...events)
    } else if (kind === 'attempt') {
      past.push(...around(events, during))
      during = []
    } else {
      past.push(...events)
    }
  }
  return [...past, ...around(currentEvents(trail), during)]
}

/** An attempt's beginning, what happened during it, and its end. */
function around([started, ...ended]: readonly Happening[], during: readonly Happening[]): Happening[] {
  return started === undefined ? [...during] : [started, ...during, ...ended]
}

function currentEvents(trail: JobTrail): Happening[] {
  if (trail.current === 'none' || trail.claimedAt === null) return []
  const metadata = { attempt: trail.attempt, workerId: trail.workerId }
  const started: Happening = { eventType: JobEventType.Processing, createdAt: trail.claimedAt, metadata }
  if (trail.current === 'running' || trail.finishedAt === null) return [started]
  return [started, { eventType: JobEventType.Completed, createdAt: trail.finishedAt, metadata }]
}

const OUTCOME_EVENTS: Readonly<Record<string, JobEventType>> = {
  failed: JobEventType.Failed,
  cancelled: JobEventType.Cancelled,
  lost: JobEventType.Reclaimed,
  revoked: JobEventType.Reclaimed,
  released: JobEventType.Released,
  snoozed: JobEventType.Released,
  waiting: JobEventType.Waiting,
}

const NOTE_EVENTS: Readonly<Record<string, JobEventType>> = {
  edited: JobEventType.Edited,
  retried: JobEventType.Retried,
  prolonged: JobEventType.Prolonged,
  cancelled: JobEventType.Cancelled,
  cancel_requested: JobEventType.CancelRequested,
}

function entryEvents(
  entry: unknown,
  deadLetterJobId: number | undefined,
): { readonly kind: unknown; readonly events: readonly Happening[] } {
  if (typeof entry !== 'object' || entry === null) return { kind: undefined, events: [] }
  const fields: Readonly<Record<string, unknown>> = { ...entry }
  const { kind } = fields
  if (kind === 'attempt') return { kind, events: attemptEvents(fields, deadLetterJobId) }
  const eventType = NOTE_EVENTS[String(kind)]
  const createdAt = new Date(String(fields['at']))
  const metadata = isMetadata(fields['metadata']) ? fields['metadata'] : {}
  return { kind, events: eventType === undefined ? [] : [{ eventType, createdAt, metadata }] }
}

/** The store counts these when it drops an entry (`log_events`). */
function attemptEvents(
  fields: Readonly<Record<string, unknown>>,
  deadLetterJobId: number | undefined,
): readonly Happening[] {
  const { attempt, worker, error, reason, waitUntil, waitTokenId } = fields
  const at = new Date(String(fields['at']))
  const metadata: JobEventMetadata = {
    ...(typeof attempt === 'number' ? { attempt } : {}),
    workerId: typeof worker === 'string' ? worker : null,
  }
  const outcome = String(fields['outcome'])
  const started = { eventType: JobEventType.Processing, createdAt: new Date(String(fields['claimedAt'])), metadata }
  const ended: Happening = {
    eventType: OUTCOME_EVENTS[outcome] ?? JobEventType.Failed,
    createdAt: at,
    metadata: {
      ...metadata,
      outcome,
      ...(isJobError(error) ? { message: error.message, error } : {}),
      ...(typeof reason === 'string' ? { reason } : {}),
      ...(outcome === 'waiting' ? { waitUntil: isoOrNull(waitUntil), waitTokenId: textOrNull(waitTokenId) } : {}),
      ...(deadLetterJobId === undefined ? {} : { deadLetterJobId }),
    },
  }
  // Taken from its worker by somebody who wanted it run again.
  const retried = { eventType: JobEventType.Retried, createdAt: at, metadata: {} }
  return outcome === 'revoked' ? [started, ended, retried] : [started, ended]
}

/** As `Date` writes it, whatever the time zone of the session that stored it. */
function isoOrNull(value: unknown): string | null {
  return typeof value === 'string' ? new Date(value).toISOString() : null
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

/** What the store noted: the changes of an edit under the names and with the types that `editJob` took, or a note's own. */
function isMetadata(value: unknown): value is JobEventMetadata {
  return typeof value === 'object' && value !== null
}
