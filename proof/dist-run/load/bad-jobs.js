import { payloadHash } from '../history/payload-hash.js'
/** Payloads and fields as nobody should send them. Those that JSON can hold are deliverable; the rest is nonsense. */
export function badJobs(ref) {
  const plan = { do: 'work', ms: 0 }
  const payload = { ref, plan, data: null }
  const cyclic = { ref, plan }
  cyclic['self'] = cyclic
  const nonsense = (more) => ({
    options: looseOptions({ jobType: 'work', payload, ...more }),
    spec: specOf(ref, null, { nonsense: true }),
  })
  const delivered = (data) => ({
    options: { jobType: 'work', payload: { ref, plan, data }, maxAttempts: 20, retryDelay: 0.1, retryBackoff: false },
    spec: specOf(ref, { ref, plan, data }, { plainJson: true }),
  })
  return [
    nonsense({ payload: cyclic }),
    nonsense({ payload: { ref, plan, data: 10n } }),
    nonsense({ payload: { ref, plan, data: Number.NaN } }),
    nonsense({ payload: { ref, plan, data: 'a\u0000b' } }),
    nonsense({ payload: { ref, plan, data: { ['k\u0000']: 1 } } }),
    nonsense({ payload: { ref, plan, data: '\ud800' } }),
    nonsense({ payload: { ref, plan, data: () => 1 } }),
    nonsense({ payload: { ref, plan, data: new Map([[1, 2]]) } }),
    nonsense({ payload: { ref, plan, data: 'x'.repeat(2_000_000) } }),
    nonsense({ priority: Number.NaN }),
    nonsense({ priority: 1.5 }),
    nonsense({ priority: 1e12 }),
    nonsense({ maxAttempts: 0 }),
    nonsense({ maxAttempts: 1e10 }),
    nonsense({ timeoutMs: -1 }),
    nonsense({ runAt: new Date(Number.NaN) }),
    nonsense({ runAt: new Date(-8_640_000_000_000_000) }),
    nonsense({ jobType: '' }),
    nonsense({ jobType: 'x'.repeat(10_000) }),
    nonsense({ tags: Array.from({ length: 10_000 }, (_, n) => `t${n}`) }),
    nonsense({ idempotencyKey: 'x'.repeat(10_000) }),
    nonsense({ group: { id: 'a\u001fb' } }),
    delivered(Array.from({ length: 20_000 }, (_, n) => n)),
    delivered(nested(500)),
    delivered('x'.repeat(900_000)),
    delivered(JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}')),
    delivered([[], {}, '', '123', '"{}"', 0, false, null]),
    // Types that every object has: there is no handler for them.
    unhandled(ref, 'constructor'),
    unhandled(ref, '__proto__'),
    unhandled(ref, 'hasOwnProperty'),
    unhandled(ref, "'; drop table millrace.jobs; --"),
  ]
}
function unhandled(ref, jobType) {
  const payload = { ref, plan: { do: 'work', ms: 0 }, data: null }
  return {
    options: { jobType, payload, maxAttempts: 1 },
    spec: { ...specOf(ref, payload, { plainJson: true }), jobType, maxAttempts: 1 },
  }
}
function specOf(ref, payload, more) {
  return { ref, jobType: 'work', payloadHash: payloadHash(payload), maxAttempts: 20, ...more }
}
/** What the compiler would refuse, for the library to refuse it. */
function looseOptions(options) {
  return options
}
function nested(depth) {
  let value = 'deep'
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { value }
  return value
}
//# sourceMappingURL=bad-jobs.js.map
