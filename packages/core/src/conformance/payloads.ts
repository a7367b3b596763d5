import { decodePayload, encodePayload } from '../model/codec.ts'
import { equal } from './assert.ts'
import { completed, failed } from './bench.ts'
import type { ConformanceCase } from './case.ts'

const JSON_VALUES: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1.5,
  1e308,
  5e-324,
  Number.MAX_SAFE_INTEGER,
  0.1 + 0.2,
  '',
  '123',
  '{"a":1}',
  'it\'s; \\ "quoted" \u2028 \u{1f600} \u007f',
  [],
  [[]],
  [null, 1, 'x', { a: [] }],
  {},
  { '': { ' ': 1 } },
  JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":1},"toString":"x"}') as unknown,
  Object.fromEntries(Array.from({ length: 2000 }, (_, n) => [`key${n}`, n])),
  Array.from({ length: 500 }).reduce<unknown>((inner) => [inner], 1),
  'x'.repeat(1_000_000),
]

const RICH_VALUE = {
  at: new Date(1234),
  big: 2n ** 80n,
  map: new Map<unknown, unknown>([[{ a: 1 }, new Set([1n])]]),
  bytes: new Uint8Array([0, 255, 7]),
  nothing: undefined,
  numbers: [Number.NaN, Number.POSITIVE_INFINITY, -0],
  $date: 'a key of its own',
}

export const payloadCases: readonly ConformanceCase[] = [
  {
    name: 'every JSON value reaches the worker and the reader as it was given',
    async run(t) {
      const worker = await t.worker()
      const ids = await t.addAll(JSON_VALUES.map((value) => ({ payload: encodePayload(value) })))
      const claimed = await t.claim(worker)
      equal(
        claimed.map(({ payload }) => decodePayload(payload)),
        [...JSON_VALUES],
      )
      for (const [n, id] of ids.entries()) equal((await t.job(id)).payload as unknown, JSON_VALUES[n])
    },
  },
  {
    name: 'every JSON value can be an output',
    async run(t) {
      const worker = await t.worker()
      await t.addAll(JSON_VALUES.map(() => ({})))
      const claimed = await t.claim(worker)
      await t.settle(...claimed.map((job, n) => completed(job, encodePayload(JSON_VALUES[n]))))
      for (const [n, job] of claimed.entries()) equal((await t.job(job.id)).output, JSON_VALUES[n])
    },
  },
  {
    name: 'what the rich codec wrote is read back by it, also from history and from dead letters',
    async run(t) {
      const worker = await t.worker()
      const job = {
        payload: encodePayload(RICH_VALUE, { codec: 'rich' }),
        codec: 'rich',
        deadLetterJobType: 'dead',
      } as const
      const first = await t.start(worker, job)
      equal(decodePayload(first.payload, first.codec), RICH_VALUE)
      equal((await t.job(first.id)).payload as unknown, RICH_VALUE)
      await t.settle(completed(first, '{"plain":1}'))
      equal((await t.job(first.id)).payload as unknown, RICH_VALUE)
      equal((await t.job(first.id)).output, { plain: 1 })
      await t.settle(failed(await t.start(worker, job)))
      const letter = await t.claimOne(worker)
      equal(Reflect.get(Object(decodePayload(letter.payload, letter.codec)), 'originalPayload'), RICH_VALUE)
    },
  },
  {
    name: 'an output that looks like rich data is read as the JSON it is',
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker, { payload: encodePayload(1n, { codec: 'rich' }), codec: 'rich' })
      await t.settle(completed(job, '{"$date":"not a date"}'))
      equal((await t.job(job.id)).output, { $date: 'not a date' })
    },
  },
]
