import { batchDepRef, type JobOptions } from 'millrace'
import { payloadHash } from '../history/payload-hash.ts'
import type { JobSpec } from '../history/producer-event.ts'
import type { Random } from '../run/random.ts'
import type { LoadOptions } from '../run/settings.ts'
import { ODD_RESULTS, ODDITIES, type Plan, type ProofPayload } from './plan.ts'

/** A job to add, and what the checker is told of it. */
export interface JobRequest {
  readonly options: JobOptions
  readonly spec: JobSpec
}

/** What one job is made of, besides its ref. */
export interface JobDraft {
  readonly plan: Plan
  readonly maxAttempts: number
  readonly retryDelayMs?: number
  readonly retryBackoff?: boolean
  readonly timeoutMs?: number
  readonly group?: string
  /** A named queue: one at a time, in order. */
  readonly lane?: string
  readonly key?: string
  readonly priority?: number
  readonly delayMs?: number
  readonly hostile?: 'contained' | 'exit'
  /** Its handler writes one row of effects in the transaction that completes it. */
  readonly transactional?: boolean
}

/** Attempts a job may lose to faults without ending for good. */
const PLENTY = 20

export function makeJob(ref: string, draft: JobDraft, random: Random): JobRequest {
  const payload: ProofPayload = { ref, plan: draft.plan, data: someJson(random, 3) }
  const { plan: _plan, retryDelayMs, retryBackoff, group, lane, key, delayMs, hostile, transactional, ...same } = draft
  const runAt = delayMs === undefined ? undefined : new Date(Date.now() + delayMs)
  const retryDelay = retryDelayMs ?? 100
  return {
    options: {
      jobType: jobTypeOf(draft.plan),
      payload,
      ...same,
      retryDelay: retryDelay / 1000,
      retryBackoff: retryBackoff ?? false,
      ...(group === undefined ? {} : { group: { id: group } }),
      ...(lane === undefined ? {} : { queue: lane }),
      ...(key === undefined ? {} : { idempotencyKey: key }),
      ...(runAt === undefined ? {} : { runAt }),
    },
    spec: {
      ref,
      jobType: jobTypeOf(draft.plan),
      payloadHash: payloadHash(payload),
      ...same,
      retryDelaysMs: retryDelays(retryDelay, retryBackoff ?? false),
      ...(group === undefined ? {} : { group }),
      ...(lane === undefined ? {} : { serial: lane }),
      ...(key === undefined ? {} : { key }),
      ...(runAt === undefined ? {} : { runAtDbMs: runAt.getTime() }),
      ...(hostile === undefined ? {} : { hostile }),
      ...(transactional === undefined ? {} : { transactional }),
      plainJson: true,
    },
  }
}

/** Types of their own, so that tables of a run can be read. */
function jobTypeOf(plan: Plan): string {
  return plan.do
}

/** The least delay after each failure; doubling is with jitter down to a half. */
function retryDelays(delayMs: number, backoff: boolean): number[] {
  if (!backoff) return [delayMs]
  return [1, 2, 3, 4].map((attempt) => (delayMs * 2 ** attempt) / 2)
}

/** Draws one job of the load. `groups` bounds how many groups there are. */
export function draftJob(random: Random, load: LoadOptions, leaseMs: number): JobDraft {
  const kinds: (readonly [number, () => JobDraft])[] = [
    [28, () => ({ plan: { do: 'work', ms: random.integer(0, 60) }, maxAttempts: PLENTY })],
    // Long enough that a fault finds some of them running.
    [6, () => ({ plan: { do: 'work', ms: random.integer(300, leaseMs) }, maxAttempts: PLENTY })],
    [2, () => ({ plan: { do: 'work', ms: random.integer(leaseMs, leaseMs * 2) }, maxAttempts: PLENTY })],
    [14, () => grouped(random)],
    [6, () => ({ ...inLane(random), lane: `lane ${random.integer(1, 4)}` })],
    [7, () => ({ ...quick(random), delayMs: random.integer(100, 8000) })],
    [7, () => ({ ...quick(random), priority: random.integer(-3, 5) })],
    [5, () => ({ plan: { do: 'report', ms: random.integer(5, 200) }, maxAttempts: PLENTY })],
    [10, () => failing(random)],
    [3, () => exceeding(random)],
    [5, () => flowing(random)],
    [load.transactions ? 6 : 0, () => transacting(random)],
  ]
  if (load.lastAttempt) kinds.push([0.6, () => dying(random)])
  if (load.blocked) kinds.push([0.4, () => ({ plan: { do: 'block', ms: leaseMs * 2 }, maxAttempts: PLENTY })])
  if (load.abuse) kinds.push([5, () => hostile(random)])
  return random.weighted(kinds)()
}

function quick(random: Random): JobDraft {
  return { plan: { do: 'work', ms: random.integer(0, 30) }, maxAttempts: PLENTY }
}

/** Now and then one fails, and its lane waits with it for the next attempt. */
function inLane(random: Random): JobDraft {
  if (random.chance(0.8)) return quick(random)
  return { plan: { do: 'fail', times: 1, ms: 5, how: 'error' }, maxAttempts: PLENTY, retryDelayMs: 100 }
}

function grouped(random: Random): JobDraft {
  const group = `g${random.integer(1, 5)}`
  return { plan: { do: 'work', ms: random.integer(5, 120) }, maxAttempts: PLENTY, group }
}

function failing(random: Random): JobDraft {
  const times = random.integer(1, 3)
  return {
    plan: { do: 'fail', times, ms: random.integer(0, 40), how: 'error' },
    // Now and then fewer than it needs: it ends as a dead letter.
    maxAttempts: random.chance(0.25) ? times : PLENTY,
    retryDelayMs: random.integer(100, 800),
    retryBackoff: random.chance(0.3),
    ...(random.chance(0.2) ? { group: `g${random.integer(1, 5)}` } : {}),
  }
}

function exceeding(random: Random): JobDraft {
  return {
    plan: { do: 'exceed', times: random.integer(1, 2), heeds: random.chance(0.7) },
    timeoutMs: random.integer(100, 600),
    maxAttempts: random.chance(0.3) ? 2 : PLENTY,
    retryDelayMs: 200,
  }
}

/** Steps, and often a sleep between them. */
function flowing(random: Random): JobDraft {
  const sleeps = random.chance(0.6) ? { untilDbMs: Date.now() + random.integer(0, 3000) } : {}
  return { plan: { do: 'flow', steps: random.integer(1, 6), ...sleeps }, maxAttempts: PLENTY }
}

/** Steps, and then a wait for a token. */
export function awaiting(token: string, random: Random): JobDraft {
  return { plan: { do: 'flow', steps: random.integer(1, 3), token }, maxAttempts: PLENTY }
}

function transacting(random: Random): JobDraft {
  const times = random.chance(0.2) ? 1 : 0
  return { plan: { do: 'transact', ms: random.integer(0, 80), times }, maxAttempts: PLENTY, transactional: true }
}

function dying(random: Random): JobDraft {
  const maxAttempts = random.integer(1, 2)
  return { plan: { do: 'die', times: maxAttempts }, maxAttempts, hostile: 'exit' }
}

function hostile(random: Random): JobDraft {
  const dice = random.next()
  if (dice < 0.05) return { plan: { do: 'leak' }, maxAttempts: PLENTY, hostile: 'exit' }
  if (dice < 0.3) {
    return { plan: { do: 'return', what: random.pick(ODD_RESULTS) }, maxAttempts: 2, hostile: 'contained' }
  }
  const how = random.pick(ODDITIES)
  return { plan: { do: 'fail', times: 1, ms: 5, how }, maxAttempts: PLENTY, hostile: 'contained' }
}

/**
 * Jobs for one call, of which the later depend on the earlier: some that others wait for, which may fail for good, two that wait
 * for all of those, and one that waits for these two.
 */
export function makeChain(refs: readonly [string, string, ...string[]], random: Random): JobRequest[] {
  // Of one that waits for as long as it takes only what certainly completes may be in the way.
  const onFailure = random.pick(['cancel', 'run', 'wait'] as const)
  const first = refs.slice(0, -3).map((ref) => {
    const mayFail = onFailure !== 'wait' && random.chance(0.3)
    return makeJob(
      ref,
      mayFail ? failing(random) : { plan: { do: 'work', ms: random.integer(0, 400) }, maxAttempts: PLENTY },
      random,
    )
  })
  const firstPlaces = first.map((_, place) => place)
  const second = refs
    .slice(-3, -1)
    .map((ref) => after(first, firstPlaces, onFailure, makeJob(ref, quick(random), random)))
  const last = refs
    .slice(-1)
    .map((ref) => after(second, [first.length, first.length + 1], 'cancel', makeJob(ref, quick(random), random)))
  return [...first, ...second, ...last]
}

function after(
  before: readonly JobRequest[],
  places: readonly number[],
  onFailure: 'cancel' | 'run' | 'wait',
  { options, spec }: JobRequest,
): JobRequest {
  return {
    options: { ...options, dependsOn: { jobIds: places.map(batchDepRef), onFailure } },
    spec: { ...spec, dependsOn: before.map((one) => one.spec.ref), onPrerequisiteFailed: onFailure },
  }
}

/** Any JSON value, nested at most `depth` deep, with texts and keys that invite mistakes. */
export function someJson(random: Random, depth: number): unknown {
  const scalars = [
    () => random.integer(-1_000_000, 1_000_000),
    () => random.next() * 1e-7,
    () => random.pick(TEXTS),
    () => random.chance(0.5),
    () => null,
  ]
  if (depth === 0 || random.chance(0.4)) return random.pick(scalars)()
  const size = random.integer(0, 4)
  if (random.chance(0.4)) return Array.from({ length: size }, () => someJson(random, depth - 1))
  const keys = Array.from({ length: size }, () => random.pick(TEXTS))
  return Object.fromEntries(keys.map((key) => [key, someJson(random, depth - 1)]))
}

export const TEXTS: readonly string[] = [
  '',
  '123',
  '[]',
  '{"a":1}',
  "it's; drop table millrace.jobs; --",
  '$1 \\x00 %s ${x}',
  '<img src=x onerror=alert(1)>',
  'constructor',
  '__proto__',
  'toString',
  'Grüße, 世界 🌍',
  '\u2028\u2029\t\n"\\',
  'x'.repeat(500),
]
