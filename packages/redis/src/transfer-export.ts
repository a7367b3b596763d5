import {
  PORTABLE_FIELDS,
  type PortableJob,
  type PortableState,
  type PortableStep,
  type PortableToken,
} from 'millrace/store'
import { Fields, groupOf, integer, list, text, trailEntries } from './replies.ts'

/** The short names of the fields that are stored as they are; see `lua/lib/base.lua`. */
export const SHORT_NAMES: Readonly<Record<string, string>> = {
  rich: 'rich',
  forceKill: 'fk',
  retryBackoff: 'rb',
  claimedAt: 'cl',
  startedAt: 'st',
  finishedAt: 'fin',
  nextAttemptAt: 'na',
  lastFailedAt: 'lf',
  lastRetriedAt: 'lr',
  lastCancelledAt: 'lc',
  changedAt: 'ch',
  deadLetteredAt: 'dla',
  waitUntil: 'wu',
  crashes: 'cr',
  trailDropped: 'ld',
  timeoutMs: 'to',
  retryDelay: 'rd',
  retryDelayMax: 'rm',
  progress: 'prog',
  deadLetterJobId: 'dli',
  handlerVersion: 'hv',
  lockedBy: 'by',
  idempotencyKey: 'ik',
  keyScope: 'ks',
  keyUntil: 'ku',
  tenantId: 'tn',
  groupTier: 'gt',
  deadLetterJobType: 'dl',
  failureReason: 'fr',
  pendingReason: 'pr',
  waitTokenId: 'wk',
  onFailure: 'of',
  output: 'out',
  trace: 'tc',
  tags: 'tg',
  dependsOnJobIds: 'dj',
  dependsOnTags: 'dt',
  dependsOnNames: 'dn',
}

/** A job from what `export_jobs.lua` answers of it. */
export function exportedJob(answer: readonly unknown[]): PortableJob {
  const [id, flat, trail, steps, signals, tokens, waitsFor, holdsKey, scheduleTenant, dueAt] = answer
  const fields = new Fields(flat)
  const state = stateOf(fields)
  const { groupId, queue } = groupOf(fields)
  const open = list(waitsFor)
    .map(integer)
    .toSorted((a, b) => a - b)
  const entries = trailEntries(trail).map(({ token: _token, ...entry }) => entry)
  const createdAt = integer(fields.text('c'))
  const isHolding = groupId !== null || queue !== null ? fields.text('l') === 'r' || fields.has('hp') : false
  return {
    ...plainFields(fields),
    id: integer(id),
    jobType: fields.text('n'),
    payload: fields.text('p'),
    state,
    place: fields.number('s', integer(id)),
    priority: fields.number('y', 0),
    attempts: fields.number('a', 0),
    maxAttempts: fields.number('m', 3),
    createdAt,
    runAt: fields.number('run', createdAt),
    ...(dueAt !== '' && { dueAt: integer(dueAt) }),
    ...(groupId !== null && { groupId }),
    ...(queue !== null && { queue }),
    ...(isHolding && { holdsPlace: true }),
    ...(holdsKey === 1 && { holdsKey: true }),
    ...(open.length > 0 && { waitsFor: open }),
    ...(fields.has('bt') && { hasBarrier: true }),
    ...scheduleOf(fields, text(scheduleTenant)),
    ...(entries.length > 0 && { trail: entries }),
    ...(list(steps).length > 0 && { steps: exportedSteps(list(steps).map(list)) }),
    ...(list(signals).length > 0 && { signals: list(signals).map((signal) => exportedSignal(list(signal))) }),
    ...(list(tokens).length > 0 && { tokens: list(tokens).map((token) => exportedToken(list(token))) }),
  }
}

/** Fields that are their defaults when they are not given. */
const DEFAULTS: Readonly<Record<string, unknown>> = { crashes: 0, trailDropped: 0, rich: false, forceKill: false }

function plainFields(fields: Fields): Partial<PortableJob> {
  const entries = Object.entries(SHORT_NAMES).flatMap(([name, short]): [string, unknown][] => {
    const stored = fields.textOrNull(short)
    // An output that is null is as good as none.
    if (stored === null || (name === 'output' && stored === 'null')) return []
    const value = valueOf(name, stored)
    return value === DEFAULTS[name] ? [] : [[name, value]]
  })
  return Object.fromEntries(entries)
}

function valueOf(name: string, stored: string): unknown {
  const kind: unknown = Reflect.get(PORTABLE_FIELDS, name)
  if (kind === 'text') return stored
  if (kind === 'flag') return stored === '1'
  return kind === 'texts' || kind === 'numbers' ? JSON.parse(stored) : Number(stored)
}

function stateOf(fields: Fields): PortableState {
  const lane = fields.text('l')
  // A parked job without a place is as one that waits for its group.
  if (lane === 'p') return fields.has('gk') && !fields.has('hp') ? 'group' : 'ready'
  return STATES[lane] ?? 'ready'
}

const STATES: Readonly<Record<string, PortableState>> = {
  r: 'ready',
  t: 'timed',
  g: 'group',
  d: 'dependencies',
  w: 'waiting',
  k: 'completed',
  f: 'failed',
  c: 'cancelled',
}

function scheduleOf(fields: Fields, tenantId: string): Partial<Pick<PortableJob, 'schedule'>> {
  const stored = fields.textOrNull('sc')
  const value: unknown = stored === null ? null : JSON.parse(stored)
  if (typeof value !== 'object' || value === null || !('id' in value) || !('name' in value) || !('tick' in value))
    return {}
  return {
    schedule: {
      id: Math.abs(integer(value.id)),
      name: text(value.name),
      ...(tenantId !== '' && { tenantId }),
      tick: integer(value.tick),
      ...('manual' in value && value.manual === true && { manual: true }),
    },
  }
}

function exportedSteps(rows: readonly (readonly unknown[])[]): PortableStep[] {
  const places = rows.flatMap((row) => [row[13], row[14]].filter((seq) => seq !== '').map(integer))
  const orders = new Map([...new Set(places)].toSorted((a, b) => a - b).map((seq, at) => [seq, at + 1]))
  return rows.map((row) => {
    const [key, kind, status, rich, timedOut, awaited, tries, result, attempt, startedAt, endedAt, waitUntil, error] =
      row
    const [seq, endedSeq, filter] = row.slice(13)
    return {
      key: text(key),
      kind: text(kind),
      status: text(status),
      attempt: integer(attempt),
      tries: integer(tries),
      rich: rich === 1,
      timedOut: timedOut === 1,
      order: orders.get(integer(seq)) ?? 0,
      startedAt: integer(startedAt),
      ...(endedSeq !== '' && { endedOrder: orders.get(integer(endedSeq)) ?? 0 }),
      ...(endedAt !== '' && { endedAt: integer(endedAt) }),
      ...(waitUntil !== '' && { waitUntil: integer(waitUntil) }),
      ...(awaited !== '' && { awaited: text(awaited) }),
      ...(filter !== '' && { filter: text(filter) }),
      ...(result !== '' && { result: text(result) }),
      ...(error !== '' && { error: text(error) }),
    }
  })
}

function exportedSignal([name, data, rich]: readonly unknown[]): { name: string; data: string; rich: boolean } {
  return { name: text(name), data: text(data), rich: rich === 1 }
}

export function exportedToken([id, flat]: readonly unknown[]): PortableToken {
  const fields = new Fields(flat)
  const tags = fields.stringsOrNull('tags')
  const [timeoutAt, completedAt] = [fields.numberOrNull('timeout'), fields.numberOrNull('completed')]
  const output = fields.textOrNull('output')
  return {
    id: text(id),
    status: fields.text('status'),
    rich: fields.textOrNull('rich') === '1',
    createdAt: integer(fields.text('created')),
    ...(timeoutAt !== null && { timeoutAt }),
    ...(completedAt !== null && { completedAt }),
    ...(output !== null && { output }),
    ...(tags !== null && { tags }),
  }
}
