import {
  PORTABLE_FIELDS,
  type PortableJob,
  type PortableState,
  type PortableStep,
  type PortableToken,
} from 'millrace/store'
import type { Argument } from './instance.ts'
import { groupKey, text } from './replies.ts'
import { SHORT_NAMES } from './transfer-export.ts'

/** A job as `lua/verbs/import_jobs.lua` reads it. */
export function importedJob(sourceId: number, job: PortableJob): Argument[] {
  const fields = storedFields(job)
  const flags = [job.holdsKey ? 'k' : '', job.holdsPlace ? 'p' : '', job.hasBarrier ? 'b' : ''].join('')
  return [
    sourceId,
    job.id,
    LANES[job.state],
    job.state === 'timed' ? (job.dueAt ?? job.runAt) : '',
    flags,
    job.schedule?.tenantId ?? '',
    fields.length / 2,
    ...fields,
    jsonList(job.trail?.map((entry) => JSON.stringify(storedEntry(entry)))),
    jsonList(job.waitsFor),
    jsonList(job.steps?.map(storedStep)),
    jsonList(job.signals),
    jsonList(job.tokens?.map((token) => [token.id, importedTokenFields(token)])),
  ]
}

const LANES: Readonly<Record<PortableState, string>> = {
  ready: 'r',
  timed: 't',
  group: 'g',
  dependencies: 'd',
  waiting: 'w',
  completed: 'k',
  failed: 'f',
  cancelled: 'c',
}

function storedFields(job: PortableJob): Argument[] {
  const fields: Argument[] = ['n', job.jobType, 'p', job.payload, 'c', job.createdAt]
  const add = (name: string, value: Argument | undefined): void => {
    if (value !== undefined) fields.push(name, value)
  }
  add('run', job.runAt === job.createdAt ? undefined : job.runAt)
  add('y', job.priority || undefined)
  add('a', job.attempts || undefined)
  add('m', job.maxAttempts === 3 ? undefined : job.maxAttempts)
  add('s', job.place === job.id ? undefined : job.place)
  add('gk', groupKey(job.tenantId, job.groupId, job.queue))
  add('sc', job.schedule && JSON.stringify(job.schedule))
  for (const [name, short] of Object.entries(SHORT_NAMES)) add(short, stored(name, Reflect.get(job, name)))
  return fields
}

function stored(name: string, value: unknown): Argument | undefined {
  if (value === undefined) return undefined
  const kind: unknown = Reflect.get(PORTABLE_FIELDS, name)
  // Only `retryBackoff` says something by being false.
  if (kind === 'flag') return value === true ? 1 : name === 'retryBackoff' ? 0 : undefined
  if (kind === 'texts' || kind === 'numbers') return JSON.stringify(value)
  return typeof value === 'number' ? value : text(value)
}

/** Times as numbers, as `lua/lib/trail.lua` writes them. */
function storedEntry(entry: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { at, claimedAt } = entry
  return {
    ...entry,
    ...(typeof at === 'string' && { at: Date.parse(at) }),
    ...(typeof claimedAt === 'string' && { claimedAt: Date.parse(claimedAt) }),
  }
}

/** As `lua/lib/steps.lua` packs it. */
function storedStep(step: PortableStep): Readonly<Record<string, unknown>> {
  const { order, endedOrder, timedOut, startedAt, endedAt, waitUntil, ...rest } = step
  return {
    ...rest,
    token: '0',
    seq: order,
    timed_out: timedOut,
    started: startedAt,
    ...(endedOrder !== undefined && { ended_seq: endedOrder }),
    ...(endedAt !== undefined && { ended: endedAt }),
    ...(waitUntil !== undefined && { wait_until: waitUntil }),
  }
}

/** The fields of `lua/lib/waits.lua`. */
export function importedTokenFields(token: PortableToken): Readonly<Record<string, string>> {
  const { status, rich, createdAt, timeoutAt, completedAt, output, tags } = token
  return {
    status,
    created: String(createdAt),
    ...(rich && { rich: '1' }),
    ...(timeoutAt !== undefined && { timeout: String(timeoutAt) }),
    ...(completedAt !== undefined && { completed: String(completedAt) }),
    ...(output !== undefined && { output }),
    ...(tags !== undefined && { tags: JSON.stringify(tags) }),
  }
}

function jsonList(items: readonly unknown[] | undefined): string {
  return items === undefined || items.length === 0 ? '' : JSON.stringify(items)
}
