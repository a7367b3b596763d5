import { blockerState, type JobFacts, type LaneFacts } from '../model/explain.ts'
import type { Pause } from '../model/pause.ts'
import { pauseScope } from './pause.ts'

/** The answer of `explain_job`, as the pure part reads it. */
export function jobFacts(answer: unknown): JobFacts | null {
  if (!isRecord(answer)) return null
  if (answer['state'] === 'ended') {
    return {
      state: 'ended',
      status: answer['status'] === 'd' ? 'completed' : answer['status'] === 'f' ? 'failed' : 'cancelled',
      finishedAt: date(answer['finishedAt']) ?? new Date(0),
      attempts: number(answer['attempts']),
      maxAttempts: number(answer['maxAttempts']),
      failureReason: text(answer['reason']),
      error: text(answer['error']),
      deadLetterJobId: numberOrNull(answer['deadLetterJobId']),
    }
  }
  return {
    state: 'live',
    now: date(answer['now']) ?? new Date(0),
    jobType: text(answer['jobType']) ?? '',
    attempts: number(answer['attempts']),
    maxAttempts: number(answer['maxAttempts']),
    handlerVersion: numberOrNull(answer['handlerVersion']),
    cancelRequestedAt: date(answer['cancelRequestedAt']),
    error: text(answer['error']),
    liveWorkers: number(answer['liveWorkers']),
    ableWorkers: number(answer['ableWorkers']),
    versionWorkers: number(answer['versionWorkers']),
    pauses: list(answer['pauses']).flatMap((entry) => (isRecord(entry) ? [pauseFact(entry)] : [])),
    lane: laneFacts(answer),
  }
}

function laneFacts(answer: Readonly<Record<string, unknown>>): LaneFacts {
  switch (answer['lane']) {
    case 'x':
      return {
        kind: 'running',
        workerId: text(answer['lockedBy']),
        since: date(answer['claimedAt']),
        leaseUntil: date(answer['leaseUntil']),
      }
    case 't': {
      // A wait for something else may have a limit.
      const awaited = list(answer['awaited']).map(String)
      if (awaited.length > 0 && answer['waitUntil'] !== undefined)
        return { kind: 'awaiting', awaited, until: date(answer['waitUntil']) }
      return {
        kind: 'timed',
        dueAt: date(answer['dueAt']) ?? new Date(0),
        cause:
          answer['nextAttemptAt'] !== undefined ? 'retry' : answer['waitUntil'] !== undefined ? 'wait' : 'scheduled',
      }
    }
    case 'g':
      return {
        kind: 'group',
        groupId: text(answer['groupId']) ?? '',
        active: number(answer['active']),
        limit: numberOrNull(answer['limit']),
        holders: list(answer['holders']).map(number),
      }
    case 'd':
      return {
        kind: 'dependencies',
        unmet: number(answer['unmet']),
        tags: list(answer['tags']).map(String),
        blockers: list(answer['blockers']).map((entry) => {
          const [id, lane, isRetried] = list(entry)
          return { id: number(id), state: blockerState(String(lane), isRetried === true) }
        }),
      }
    case 'w':
      return { kind: 'awaiting', awaited: list(answer['awaited']).map(String), until: date(answer['waitUntil']) }
    default: {
      const ahead = number(answer['ahead'])
      const isAheadBounded = ahead > MOST_AHEAD
      return { kind: 'ready', ahead: Math.min(ahead, MOST_AHEAD), isAheadBounded, priority: number(answer['priority']) }
    }
  }
}

function pauseFact(entry: Readonly<Record<string, unknown>>): Pause {
  const { jobType, queue, group, tenantId } = entry
  return {
    scope: pauseScope({ jobType, queue, group, tenantId }),
    reason: text(entry['reason']),
    by: text(entry['pausedBy']),
    pausedAt: date(entry['pausedAt']) ?? new Date(0),
    until: date(entry['until']),
  }
}

/** The function counts one more, to tell. */
const MOST_AHEAD = 1000

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function number(value: unknown): number {
  return typeof value === 'number' ? value : 0
}

function numberOrNull(value: unknown): number | null {
  return typeof value === 'number' ? value : null
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

function date(value: unknown): Date | null {
  return typeof value === 'string' ? new Date(value) : null
}
