import { MillraceError } from './errors.ts'
import { decodePayload } from './model/codec.ts'
import type { CatchUp } from './model/schedule.ts'
import type { SchedulePeriod } from './model/schedule-options.ts'
import type { ScheduleSkip, StoredSchedule } from './store/schedule.ts'

/** Whether a schedule fires by itself. */
export type CronScheduleStatus = 'active' | 'paused'

/** A schedule as the storage interface takes it: with every default in place. */
export interface CronScheduleInput {
  readonly scheduleName: string
  readonly cronExpression: string
  readonly jobType: string
  readonly payload: unknown
  readonly maxAttempts: number
  readonly priority: number
  readonly timeoutMs: number | null
  readonly forceKillOnTimeout: boolean
  readonly tags: readonly string[] | undefined
  readonly timezone: string
  readonly allowOverlap: boolean
  /** `null`: never again. */
  readonly nextRunAt: Date | null
  readonly retryDelay: number | null
  readonly retryBackoff: boolean | null
  readonly retryDelayMax: number | null
  readonly deadLetterJobType: string | null
}

/** A stored schedule. `cronExpression` is empty for one that runs `everyMs`. */
export interface CronScheduleRecord extends Omit<CronScheduleInput, 'tags'> {
  readonly id: number
  readonly tags: string[] | undefined
  readonly status: CronScheduleStatus
  /** When it last added a job, and which. */
  readonly lastEnqueuedAt: Date | null
  readonly lastJobId: number | null
  readonly createdAt: Date
  readonly updatedAt: Date
  readonly everyMs: number | null
  readonly startAt: Date | null
  readonly endAt: Date | null
  readonly jitterMs: number
  readonly catchUp: CatchUp
  readonly catchUpLimit: number
  readonly graceMs: number
  readonly oncePer: SchedulePeriod | null
  readonly groupId: string | null
  readonly tenantId: string | null
  /** Who declared it in code; `null` for one that was added at run time. */
  readonly owner: string | null
  /** The last of its ticks that has been dealt with. */
  readonly lastTickAt: Date | null
  /** When it last passed over a tick, and why. */
  readonly lastSkippedAt: Date | null
  readonly lastSkipReason: ScheduleSkip | null
}

/** What a read answers of a stored schedule. */
export function scheduleRecord(stored: StoredSchedule): CronScheduleRecord {
  const { rule, job } = stored
  return {
    id: stored.id,
    scheduleName: stored.name,
    cronExpression: rule.kind === 'cron' ? rule.expression : '',
    everyMs: rule.kind === 'every' ? rule.everyMs : null,
    timezone: stored.timezone,
    jobType: job.jobType,
    payload: decodePayload(job.payload, job.codec ?? 'json'),
    maxAttempts: job.maxAttempts ?? 3,
    priority: job.priority ?? 0,
    timeoutMs: job.timeoutMs ?? null,
    forceKillOnTimeout: job.forceKillOnTimeout ?? false,
    tags: job.tags === undefined ? undefined : [...job.tags],
    retryDelay: job.retryDelay ?? null,
    retryBackoff: job.retryBackoff ?? null,
    retryDelayMax: job.retryDelayMax ?? null,
    deadLetterJobType: job.deadLetterJobType ?? null,
    groupId: job.groupId ?? null,
    tenantId: stored.tenantId,
    owner: stored.owner,
    allowOverlap: stored.allowOverlap,
    catchUp: stored.catchUp,
    catchUpLimit: stored.catchUpLimit,
    graceMs: stored.graceMs,
    jitterMs: stored.jitterMs,
    oncePer: stored.oncePer,
    startAt: stored.startAt,
    endAt: stored.endAt,
    status: stored.status,
    nextRunAt: stored.nextRunAt,
    lastTickAt: stored.lastTickAt,
    lastEnqueuedAt: stored.lastEnqueuedAt,
    lastJobId: stored.lastJobId,
    lastSkippedAt: stored.lastSkippedAt,
    lastSkipReason: stored.lastSkip,
    createdAt: stored.createdAt,
    updatedAt: stored.updatedAt,
  }
}

/** What adding a schedule under a name in use rejects with. */
export function scheduleExists(name: string): MillraceError {
  return new MillraceError('SCHEDULE_EXISTS', `Cron schedule with name "${name}" already exists`, {
    details: { field: 'scheduleName', value: name, remedy: 'Edit it, or declare schedules with `defineSchedules`' },
  })
}
