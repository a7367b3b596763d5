import { MillraceError } from 'millrace'
import { blockerState, type JobFacts, type LaneFacts } from 'millrace/store'
import { scripts } from './generated/lua.ts'
import type { RedisInstance } from './instance.ts'
import { pauseRecord } from './pause.ts'
import { errorsOf, Fields, groupOf, integer, list, text } from './replies.ts'

/** Ready jobs ahead are counted so far; the script counts one more, to tell. */
const MOST_AHEAD = 1000

/** How many other jobs are named. */
const MOST_NAMED = 20

/** What decides when a job runs; `null` for a job that is not there. */
export async function readFacts(instance: RedisInstance, id: number): Promise<JobFacts | null> {
  const answer = await instance.run(scripts.explain, [id, MOST_AHEAD, MOST_NAMED])
  if (answer === null) return null
  const [now, flat, trail, live, able, having, pauses, more] = list(answer)
  const fields = new Fields(flat)
  const error = errorsOf(trail).at(-1)?.message ?? null
  const status = ENDED.get(fields.text('l'))
  if (status !== undefined) {
    return {
      state: 'ended',
      status,
      finishedAt: date(fields.text('fin')),
      attempts: fields.number('a', 0),
      maxAttempts: fields.number('m', 3),
      failureReason: status === 'failed' ? fields.textOrNull('fr') : null,
      error: status === 'completed' ? null : error,
      deadLetterJobId: fields.numberOrNull('dli'),
    }
  }
  return {
    state: 'live',
    now: date(now),
    jobType: fields.text('n'),
    attempts: fields.number('a', 0),
    maxAttempts: fields.number('m', 3),
    handlerVersion: fields.numberOrNull('hv'),
    cancelRequestedAt: fields.dateOrNull('cq'),
    error,
    liveWorkers: integer(live),
    ableWorkers: integer(able),
    versionWorkers: integer(having),
    pauses: list(pauses).map((pause) => pauseRecord(list(pause))),
    lane: laneFacts(fields, more),
  }
}

const ENDED: ReadonlyMap<string, 'completed' | 'failed' | 'cancelled'> = new Map([
  ['k', 'completed'],
  ['f', 'failed'],
  ['c', 'cancelled'],
])

function laneFacts(fields: Fields, more: unknown): LaneFacts {
  const lane = fields.text('l')
  switch (lane) {
    case 'x':
      return {
        kind: 'running',
        workerId: fields.textOrNull('by'),
        since: fields.dateOrNull('cl'),
        leaseUntil: more === '' ? null : date(more),
      }
    case 'r':
    case 'p':
      return {
        kind: 'ready',
        ahead: Math.min(integer(more), MOST_AHEAD),
        isAheadBounded: integer(more) > MOST_AHEAD,
        priority: fields.number('y', 0),
      }
    case 't': {
      const [dueAt, awaited] = list(more)
      // A wait for something else may have a limit.
      if (list(awaited).length > 0)
        return { kind: 'awaiting', awaited: list(awaited).map(text), until: fields.dateOrNull('wu') }
      return { kind: 'timed', dueAt: date(dueAt), cause: causeOfDelay(fields) }
    }
    case 'g': {
      const [active, limit, holders] = list(more)
      const { groupId, queue } = groupOf(fields)
      return {
        kind: 'group',
        groupId: groupId ?? queue ?? '',
        active: integer(active),
        limit: limit === '' ? null : integer(limit),
        holders: list(holders).map(integer),
      }
    }
    case 'd':
      return {
        kind: 'dependencies',
        unmet: fields.number('un', 0),
        tags: fields.stringsOrNull('dt') ?? [],
        blockers: list(more).map((blocker) => {
          const [id, state, isRetried] = list(blocker)
          return { id: integer(id), state: blockerState(text(state), isRetried === 1) }
        }),
      }
    case 'w':
      return { kind: 'awaiting', awaited: list(more).map(text), until: fields.dateOrNull('wu') }
    default:
      throw new MillraceError('STORE_FAILED', `A stored job is in a lane \`${lane}\` that this version does not know.`)
  }
}

function causeOfDelay(fields: Fields): 'scheduled' | 'retry' | 'wait' {
  if (fields.has('na')) return 'retry'
  return fields.has('wu') ? 'wait' : 'scheduled'
}

function date(ms: unknown): Date {
  return new Date(Number(ms))
}
