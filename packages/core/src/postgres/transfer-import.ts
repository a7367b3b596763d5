import { assertNever } from '../model/outcome.ts'
import {
  type PortableJob,
  type PortableState,
  type PortableStep,
  type PortableToken,
  PORTABLE_FIELDS,
} from '../model/portable.ts'
import type { MovedSchedule } from '../store/transfer.ts'
import { timestamp } from './rows.ts'
import { columnOf } from './transfer-columns.ts'

/** What `import_jobs` takes of one job, as JSON text: what is JSON already goes in as it is. */
export function importedJob(job: PortableJob): string {
  const { steps = [], signals = [], tokens = [], waitsFor = [], schedule } = job
  const parts = [
    `"row":${rowJson(job)}`,
    ...(waitsFor.length > 0 ? [`"waits_for":${JSON.stringify(waitsFor)}`] : []),
    ...(job.hasBarrier === true ? ['"barrier":true'] : []),
    ...(job.holdsKey === true ? ['"holds_key":true'] : []),
    ...(job.keyScope === undefined ? [] : [`"key_scope":${JSON.stringify(job.keyScope)}`]),
    ...(job.keyUntil === undefined ? [] : [`"key_until":"${time(job.keyUntil)}"`]),
    ...(schedule?.tenantId === undefined ? [] : [`"schedule_tenant":${JSON.stringify(schedule.tenantId)}`]),
    ...(steps.length > 0 ? [`"steps":[${steps.map(stepJson).join(',')}]`] : []),
    ...(signals.length > 0
      ? [`"signals":[${signals.map(({ name, data, rich }) => object({ name, rich }, { data })).join(',')}]`]
      : []),
    ...(tokens.length > 0 ? [`"tokens":[${tokens.map(importedToken).join(',')}]`] : []),
  ]
  return `{${parts.join(',')}}`
}

function rowJson(job: PortableJob): string {
  const { state, schedule, trail } = job
  const columns: Record<string, unknown> = {
    ready_seq: job.place,
    crashes: 0,
    log_dropped: 0,
    rich: false,
    force_kill: false,
    unmet: (job.waitsFor?.length ?? 0) + (job.hasBarrier === true ? 1 : 0),
    group_key: groupKey(job),
    ...position(state),
  }
  for (const [name, kind] of Object.entries(PORTABLE_FIELDS)) {
    const value: unknown = Reflect.get(job, name)
    if (NO_COLUMN.has(name) || value === undefined) continue
    columns[columnOf(name)] = kind === 'time' ? time(Number(value)) : value
  }
  // A job that is ready shows its place by that.
  if (job.holdsPlace === true && state === 'timed') columns['holds_place'] = true
  if (schedule !== undefined)
    columns['schedule'] = {
      id: schedule.id,
      name: schedule.name,
      tick: new Date(schedule.tick).toISOString().replace('Z', '000Z'),
      ...(schedule.manual === true && { manual: true }),
    }
  const isNull = job.payload.trim() === 'null'
  return object(columns, {
    payload: isNull ? undefined : job.payload,
    output: job.output,
    log: trail && JSON.stringify(trail),
  })
}

const NO_COLUMN: ReadonlySet<string> = new Set([
  'state',
  'place',
  'payload',
  'output',
  'groupId',
  'queue',
  'holdsPlace',
  'holdsKey',
  'keyScope',
  'keyUntil',
  'waitsFor',
  'hasBarrier',
])

function position(state: PortableState): { readonly lane: string; readonly status?: string } {
  switch (state) {
    case 'ready':
      return { lane: 'r' }
    case 'timed':
      return { lane: 't' }
    case 'group':
      return { lane: 'g' }
    case 'dependencies':
      return { lane: 'd' }
    case 'waiting':
      return { lane: 'w' }
    case 'completed':
      return { lane: 'x', status: 'k' }
    case 'failed':
      return { lane: 'x', status: 'f' }
    case 'cancelled':
      return { lane: 'x', status: 'c' }
    default:
      return assertNever(state)
  }
}

function groupKey({ tenantId, groupId, queue }: PortableJob): string | null {
  const whose = tenantId === undefined ? '' : `${tenantId}\u001F`
  if (queue !== undefined) return `\u001E${whose}${queue}`
  return groupId === undefined ? null : `${whose}${groupId}`
}

function stepJson(step: PortableStep): string {
  const columns = {
    key: step.key,
    kind: step.kind,
    status: step.status,
    attempt: step.attempt,
    tries: step.tries,
    rich: step.rich,
    timed_out: step.timedOut,
    seq: step.order,
    ended_seq: step.endedOrder ?? null,
    started_at: time(step.startedAt),
    ended_at: timeOrNull(step.endedAt),
    wait_until: timeOrNull(step.waitUntil),
    awaited: step.awaited ?? null,
  }
  return object(columns, { filter: step.filter, result: step.result, error: step.error })
}

/** A row of the tokens, as JSON text. */
export function importedToken(token: PortableToken): string {
  const columns = {
    id: token.id,
    status: token.status,
    rich: token.rich,
    created_at: time(token.createdAt),
    timeout_at: timeOrNull(token.timeoutAt),
    completed_at: timeOrNull(token.completedAt),
    tags: token.tags ?? null,
  }
  return object(columns, { output: token.output })
}

/** Everything of a schedule but its definition, which `schedule.ts` writes. */
export function importedSchedule(schedule: MovedSchedule, definition: string): string {
  const written = (date: Date | null): string | null => (date === null ? null : timestamp(date))
  const columns = {
    tenant_id: schedule.tenantId,
    name: schedule.name,
    owner: schedule.owner,
    status: schedule.status.charAt(0),
    next_run_at: written(schedule.nextRunAt),
    last_tick_at: written(schedule.lastTickAt),
    last_enqueued_at: written(schedule.lastEnqueuedAt),
    last_job_id: schedule.lastJobId,
    created_at: timestamp(schedule.createdAt),
  }
  return `${definition.slice(0, -1)},${JSON.stringify(columns).slice(1)}`
}

/** A JSON object of values, and of texts that are JSON. */
function object(
  values: Readonly<Record<string, unknown>>,
  texts: Readonly<Record<string, string | undefined>>,
): string {
  const more = Object.entries(texts).flatMap(([name, json]) => (json === undefined ? [] : [`,"${name}":${json}`]))
  return `${JSON.stringify(values).slice(0, -1)}${more.join('')}}`
}

function time(ms: number): string {
  return new Date(ms).toISOString()
}

function timeOrNull(ms: number | undefined): string | null {
  return ms === undefined ? null : time(ms)
}
