import type { CronScheduleRecord, JobEvent, JobLogLine, JobRecord, JobStep, WorkerRecord } from 'millrace'
import { describeCron, getNextCronOccurrence } from 'millrace'
import { clockChangeNotes } from './clock-changes.ts'
import { isPlain, plain, shown, type Shown } from './plain.ts'
import { redact } from './redact.ts'
import type { EventRow, JobDetail, JobRow, LogRow, ScheduleRow, StepRow, WorkerRow } from './wire.ts'

type Rules = readonly (readonly string[])[]

const MAX_ERROR = 500

export function jobRow(job: JobRecord): JobRow {
  const last = job.errorHistory.at(-1)?.message
  return {
    id: job.id,
    jobType: job.jobType,
    status: job.status,
    priority: job.priority,
    attempts: job.attempts,
    maxAttempts: job.maxAttempts,
    createdAt: job.createdAt.toISOString(),
    updatedAt: job.updatedAt.toISOString(),
    runAt: job.runAt.toISOString(),
    startedAt: time(job.startedAt),
    completedAt: time(job.completedAt),
    nextAttemptAt: time(job.nextAttemptAt),
    error: last === undefined ? null : last.slice(0, MAX_ERROR),
    failureReason: job.failureReason,
    progress: job.progress,
    tags: job.tags ?? [],
    groupId: job.groupId,
    queue: job.queue,
    tenantId: job.tenantId,
    lockedBy: job.lockedBy,
  }
}

export function jobDetail(job: JobRecord, rules: Rules): JobDetail {
  const payload = shownTo(job.payload, rules)
  return {
    ...jobRow(job),
    payload,
    output: shownTo(job.output, rules),
    isPayloadEditable: payload.cutFrom === null && isPlain(job.payload),
    errorHistory: job.errorHistory,
    pendingReason: job.pendingReason,
    timeoutMs: job.timeoutMs,
    idempotencyKey: job.idempotencyKey,
    waitUntil: time(job.waitUntil),
    waitTokenId: job.waitTokenId,
    lastRetriedAt: time(job.lastRetriedAt),
    lastCancelledAt: time(job.lastCancelledAt),
    lastFailedAt: time(job.lastFailedAt),
    lockedAt: time(job.lockedAt),
    retryDelay: job.retryDelay,
    retryBackoff: job.retryBackoff,
    retryDelayMax: job.retryDelayMax,
    deadLetterJobType: job.deadLetterJobType,
    deadLetteredAt: time(job.deadLetteredAt),
    deadLetterJobId: job.deadLetterJobId,
    dependsOnJobIds: job.dependsOnJobIds ?? [],
    dependsOnTags: job.dependsOnTags ?? [],
    handlerVersion: job.handlerVersion,
    schedule: job.schedule === null ? null : { ...job.schedule, tick: job.schedule.tick.toISOString() },
  }
}

export function eventRow(event: JobEvent, rules: Rules): EventRow {
  const { value, cutFrom } = shownTo(event.metadata, rules)
  const metadata = cutFrom === null && typeof value === 'object' && value !== null ? value : { start: value, cutFrom }
  return { ...event, createdAt: event.createdAt.toISOString(), metadata: { ...metadata } }
}

export function stepRow(step: JobStep, rules: Rules): StepRow {
  return {
    name: step.name,
    kind: step.kind,
    status: step.status,
    attempt: step.attempt,
    tries: step.tries,
    startedAt: step.startedAt.toISOString(),
    endedAt: time(step.endedAt),
    durationMs: step.durationMs,
    result: shownTo(step.result, rules),
    error: step.error,
    waitUntil: time(step.waitUntil),
  }
}

export function logRow({ at, fields, ...line }: JobLogLine, rules: Rules): LogRow {
  return { ...line, at: at.toISOString(), fields: fields === null ? null : shownTo(fields, rules) }
}

const NEXT_RUNS = 5

export function scheduleRow(schedule: CronScheduleRecord): ScheduleRow {
  return {
    id: schedule.id,
    scheduleName: schedule.scheduleName,
    cronExpression: schedule.cronExpression,
    everyMs: schedule.everyMs,
    timezone: schedule.timezone,
    jobType: schedule.jobType,
    status: schedule.status,
    tenantId: schedule.tenantId,
    owner: schedule.owner,
    allowOverlap: schedule.allowOverlap,
    catchUp: schedule.catchUp,
    lastJobId: schedule.lastJobId,
    lastSkipReason: schedule.lastSkipReason,
    lastEnqueuedAt: time(schedule.lastEnqueuedAt),
    lastSkippedAt: time(schedule.lastSkippedAt),
    nextRunAt: time(schedule.nextRunAt),
    nextRuns: nextRuns(schedule),
    inWords: schedule.everyMs === null ? describeCron(schedule.cronExpression) : null,
    clockChanges: schedule.everyMs === null ? clockChangeNotes(schedule, new Date()) : [],
  }
}

/** By the rule alone, from the stored next one on; without jitter. */
function nextRuns({ nextRunAt, everyMs, cronExpression, timezone, endAt, status }: CronScheduleRecord): string[] {
  const runs: string[] = []
  let next = status === 'active' ? nextRunAt : null
  while (next !== null && runs.length < NEXT_RUNS && (endAt === null || next <= endAt)) {
    runs.push(next.toISOString())
    next = everyMs === null ? getNextCronOccurrence(cronExpression, timezone, next) : new Date(next.getTime() + everyMs)
  }
  return runs
}

export function workerRow(worker: WorkerRecord, now: Date): WorkerRow {
  return {
    ...worker,
    startedAt: worker.startedAt.toISOString(),
    lastSeenAt: worker.lastSeenAt.toISOString(),
    expiresAt: worker.expiresAt.toISOString(),
    isLost: worker.expiresAt < now,
  }
}

function shownTo(value: unknown, rules: Rules): Shown {
  return shown(redact(plain(value), rules))
}

export function time(date: Date | null): string | null {
  return date === null ? null : date.toISOString()
}
