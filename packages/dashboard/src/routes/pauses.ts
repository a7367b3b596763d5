import type { Pause, PauseOptions, PauseScope } from 'millrace'
import { checkKnown, type Call, type Route, type Schema } from '../call.ts'
import { textOf } from '../filters.ts'
import { RequestProblem } from '../request-problem.ts'
import { time } from '../show.ts'
import type { PauseList, PauseRow } from '../wire.ts'

const TEXT: Schema = { type: 'string', minLength: 1, maxLength: 255 }
const SCOPE: Readonly<Record<string, Schema>> = {
  jobType: TEXT,
  queue: TEXT,
  group: TEXT,
  tenantId: TEXT,
  everything: { const: true, description: 'In place of all others: every job.' },
}
const PAUSE: Readonly<Record<string, Schema>> = {
  ...SCOPE,
  reason: { type: 'string', minLength: 1, maxLength: 1000 },
  until: { type: 'string', format: 'date-time', description: 'Left out: until it is resumed.' },
}

/** The routes about what is kept from starting. */
export const pauseRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/pauses',
    summary: 'What is paused now, oldest first.',
    isLive: true,
    async handle({ dashboard, access: { tenantId } }): Promise<PauseList> {
      const pauses = await dashboard.queue.getPauses()
      return { pauses: pauses.filter(({ scope }) => tenantId === null || scope.tenantId === tenantId).map(pauseRow) }
    },
  },
  {
    method: 'POST',
    path: '/pause',
    summary: 'Keeps the jobs that have all that is named from starting; what runs, runs on.',
    body: PAUSE,
    async handle(call) {
      const { reason, until, ...scope } = checkKnown(call.body, PAUSE)
      const options: PauseOptions = {
        ...(reason !== undefined && { reason: textOf('reason', reason) }),
        ...(until !== undefined && { until: timeOf(until) }),
      }
      await call.queue.pause(scopeOf(scope, call), options)
      return { ok: true }
    },
  },
  {
    method: 'POST',
    path: '/resume',
    summary: 'Ends the pause that was made with the same scope.',
    body: SCOPE,
    async handle(call) {
      if (await call.queue.resume(scopeOf(checkKnown(call.body, SCOPE), call))) return { ok: true }
      throw new RequestProblem(409, 'NOT_CHANGED', 'That is not paused.')
    },
  },
]

function pauseRow({ scope, reason, by, pausedAt, until }: Pause): PauseRow {
  return { scope, reason, by, pausedAt: pausedAt.toISOString(), until: time(until) }
}

/** Nothing that is forgotten may mean everything. */
function scopeOf(given: Readonly<Record<string, unknown>>, { access: { tenantId } }: Call): PauseScope {
  const { everything, ...named } = given
  const scope = Object.fromEntries(Object.entries(named).map(([name, value]) => [name, textOf(name, value)]))
  const isNamed = Object.keys(scope).length > 0
  if (everything !== undefined && (everything !== true || isNamed))
    throw invalid('`everything` is true, and then nothing else is named.')
  if (everything === undefined && !isNamed)
    throw invalid('Name a `jobType`, `queue`, `group` or `tenantId`, or say `everything`.')
  if (tenantId === null) return scope
  const asked = scope['tenantId'] ?? tenantId
  // Of one tenant, everything is everything of theirs.
  if (asked === tenantId) return { ...scope, tenantId }
  throw invalid('`tenantId` cannot be another one than yours.')
}

function timeOf(given: unknown): Date {
  const date = new Date(typeof given === 'string' ? given : Number.NaN)
  if (Number.isNaN(date.getTime()) || date.getTime() <= Date.now()) throw invalid('`until` is a time to come.')
  return date
}

function invalid(message: string): RequestProblem {
  return new RequestProblem(400, 'PARAMETER_INVALID', message)
}
