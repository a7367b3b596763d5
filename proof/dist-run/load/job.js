import { payloadHash } from '../history/payload-hash.js'
import { ODD_RESULTS, ODDITIES } from './plan.js'
/** Attempts a job may lose to faults without ending for good. */
const PLENTY = 20
export function makeJob(ref, draft, random) {
  const payload = { ref, plan: draft.plan, data: someJson(random, 3) }
  const { plan: _plan, retryDelayMs, retryBackoff, group, key, delayMs, hostile, ...same } = draft
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
      ...(key === undefined ? {} : { key }),
      ...(runAt === undefined ? {} : { runAtDbMs: runAt.getTime() }),
      ...(hostile === undefined ? {} : { hostile }),
      plainJson: true,
    },
  }
}
/** Types of their own, so that tables of a run can be read. */
function jobTypeOf(plan) {
  return plan.do
}
/** The least delay after each failure; doubling is with jitter down to a half. */
function retryDelays(delayMs, backoff) {
  if (!backoff) return [delayMs]
  return [1, 2, 3, 4].map((attempt) => (delayMs * 2 ** attempt) / 2)
}
/** Draws one job of the load. `groups` bounds how many groups there are. */
export function draftJob(random, load, leaseMs) {
  const kinds = [
    [34, () => ({ plan: { do: 'work', ms: random.integer(0, 60) }, maxAttempts: PLENTY })],
    [2, () => ({ plan: { do: 'work', ms: random.integer(leaseMs, leaseMs * 2) }, maxAttempts: PLENTY })],
    [14, () => grouped(random)],
    [7, () => ({ ...quick(random), delayMs: random.integer(100, 8000) })],
    [7, () => ({ ...quick(random), priority: random.integer(-3, 5) })],
    [5, () => ({ plan: { do: 'report', ms: random.integer(5, 200) }, maxAttempts: PLENTY })],
    [10, () => failing(random)],
    [3, () => exceeding(random)],
  ]
  if (load.lastAttempt) kinds.push([0.6, () => dying(random)])
  if (load.blocked) kinds.push([0.4, () => ({ plan: { do: 'block', ms: leaseMs * 2 }, maxAttempts: PLENTY })])
  if (load.abuse) kinds.push([5, () => hostile(random)])
  return random.weighted(kinds)()
}
function quick(random) {
  return { plan: { do: 'work', ms: random.integer(0, 30) }, maxAttempts: PLENTY }
}
function grouped(random) {
  const group = `g${random.integer(1, 5)}`
  return { plan: { do: 'work', ms: random.integer(5, 120) }, maxAttempts: PLENTY, group }
}
function failing(random) {
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
function exceeding(random) {
  return {
    plan: { do: 'exceed', times: random.integer(1, 2), heeds: random.chance(0.7) },
    timeoutMs: random.integer(100, 600),
    maxAttempts: random.chance(0.3) ? 2 : PLENTY,
    retryDelayMs: 200,
  }
}
function dying(random) {
  const maxAttempts = random.integer(1, 2)
  return { plan: { do: 'die', times: maxAttempts }, maxAttempts, hostile: 'exit' }
}
function hostile(random) {
  const dice = random.next()
  if (dice < 0.05) return { plan: { do: 'leak' }, maxAttempts: PLENTY, hostile: 'exit' }
  if (dice < 0.3) {
    return { plan: { do: 'return', what: random.pick(ODD_RESULTS) }, maxAttempts: 2, hostile: 'contained' }
  }
  const how = random.pick(ODDITIES)
  return { plan: { do: 'fail', times: 1, ms: 5, how }, maxAttempts: PLENTY, hostile: 'contained' }
}
/** Any JSON value, nested at most `depth` deep, with texts and keys that invite mistakes. */
export function someJson(random, depth) {
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
export const TEXTS = [
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
//# sourceMappingURL=job.js.map
