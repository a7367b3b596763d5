import type { MetricEntry } from '../store/metrics.ts'
import { between, check, equal } from './assert.ts'
import { type Bench, completed } from './bench.ts'
import type { ConformanceCase } from './case.ts'

const MINUTE_MS = 60_000

function entry(part: Partial<MetricEntry> & { readonly lengths?: readonly number[] }): MetricEntry {
  const { lengths = [1], ...rest } = part
  return {
    agoMs: 0,
    jobType: 'mail',
    queue: null,
    completed: lengths.reduce((sum, one) => sum + one, 0),
    retried: 0,
    failed: 0,
    run: { sumMs: 1.5, counts: lengths },
    wait: { sumMs: 0, counts: [] },
    ...rest,
  }
}

/** A moment that is far enough from the end of its minute for all that a case does. */
async function steadyMinute(t: Bench): Promise<number> {
  for (;;) {
    const now = (await t.store.storeTime()).getTime()
    const left = MINUTE_MS - (now % MINUTE_MS)
    if (left > 5000) return now - (now % MINUTE_MS)
    await t.pass(left)
  }
}

const LATEST = { until: null, minutes: 10, step: 1, by: null } as const

export const metricCases: readonly ConformanceCase[] = [
  {
    name: 'of a thousand queues more than are told apart the rest is counted together, and the known ones go on',
    async run(t) {
      const queues = (from: number, count: number): MetricEntry[] =>
        Array.from({ length: count }, (_, at) => entry({ queue: `customer ${from + at}` }))
      await t.store.recordMetrics({ entries: queues(0, 600) })
      await t.store.recordMetrics({ entries: queues(600, 600) })
      await t.store.recordMetrics({ entries: [...queues(0, 1), ...queues(5000, 1)] })
      const totals = await t.store.metricTotals()
      check(totals.length <= 1001, `${totals.length} types and queues are told apart`)
      equal(totals.find(({ queue }) => queue === 'customer 0')?.completed, 2)
      equal(totals.find(({ jobType }) => jobType === '*')?.completed, 201)
    },
  },
  {
    name: 'what workers saw end in a minute adds up, by type and queue, one length beside the other',
    async run(t) {
      const minute = await steadyMinute(t)
      const told = await t.store.recordMetrics({
        entries: [
          entry({ lengths: [2, 0, 1], failed: 0 }),
          entry({ queue: 'eu', lengths: [1], wait: { sumMs: 40, counts: [0, 0, 1] } }),
          entry({ jobType: 'report', completed: 0, retried: 1, failed: 2, lengths: [0, 3] }),
        ],
      })
      between(told, minute, minute + MINUTE_MS, 'the time of the answer')
      await t.store.recordMetrics({ entries: [entry({ lengths: [0, 5] }), entry({ lengths: [1] })] })
      equal(await t.store.readMetrics({ ...LATEST, by: 'jobType' }), [
        {
          at: new Date(minute),
          jobType: 'mail',
          queue: null,
          completed: 10,
          retried: 0,
          failed: 0,
          run: { sumMs: 6, counts: [4, 5, 1] },
          wait: { sumMs: 40, counts: [0, 0, 1] },
        },
        {
          at: new Date(minute),
          jobType: 'report',
          queue: null,
          completed: 0,
          retried: 1,
          failed: 2,
          run: { sumMs: 1.5, counts: [0, 3] },
          wait: { sumMs: 0, counts: [] },
        },
      ])
      const queues = await t.store.readMetrics({ ...LATEST, by: 'queue' })
      equal(
        queues.map((row) => [row.queue, row.completed]).toSorted((one, other) => Number(one[1]) - Number(other[1])),
        [
          ['eu', 1],
          [null, 9],
        ],
      )
      const [all] = await t.store.readMetrics(LATEST)
      equal([all?.jobType, all?.queue, all?.completed, all?.failed, all?.run.counts], [null, null, 10, 2, [4, 8, 1]])
      const [one] = await t.store.readMetrics({ ...LATEST, jobType: 'mail', queue: 'eu' })
      equal([one?.completed, one?.wait.sumMs], [1, 40])
      equal(await t.store.readMetrics({ ...LATEST, jobType: 'none' }), [])
    },
  },
  {
    name: 'minutes are those of the store, read back to a limit, and several as one',
    async run(t) {
      const minute = await steadyMinute(t)
      const now = (await t.store.storeTime()).getTime()
      const at = (minutesAgo: number): number => now - (minute - minutesAgo * MINUTE_MS + MINUTE_MS / 2)
      await t.store.recordMetrics({ entries: [0, 1, 2, 61, 200].map((ago) => entry({ agoMs: at(ago) })) })
      const read = async (minutes: number, step = 1, until: Date | null = null): Promise<readonly number[][]> =>
        (await t.store.readMetrics({ ...LATEST, minutes, step, until })).map((row) => [
          (row.at.getTime() - minute) / MINUTE_MS,
          row.completed,
        ])
      equal(await read(3), [
        [-2, 1],
        [-1, 1],
        [0, 1],
      ])
      equal(await read(2, 1, new Date(minute - MINUTE_MS)), [
        [-2, 1],
        [-1, 1],
      ])
      equal((await read(61)).length, 3)
      equal((await read(62)).length, 4)
      equal((await read(4320)).length, 5)
      const hours = await t.store.readMetrics({ ...LATEST, minutes: 4320, step: 60 })
      equal(
        hours.reduce((sum, row) => sum + row.completed, 0),
        5,
      )
      check(
        hours.length < 5 && hours.every((row) => row.at.getTime() % (60 * MINUTE_MS) === 0),
        'hours begin on the hour',
      )
    },
  },
  {
    name: 'the sums of each type and queue only grow',
    async run(t) {
      await t.store.recordMetrics({ entries: [] })
      equal(await t.store.metricTotals(), [])
      await t.store.recordMetrics({ entries: [entry({ lengths: [1] }), entry({ agoMs: 3_600_000, lengths: [0, 2] })] })
      await t.store.recordMetrics({ entries: [entry({ queue: 'eu', completed: 0, failed: 1 })] })
      await t.store.upkeep()
      const totals = await t.store.metricTotals()
      equal(
        totals
          .map(({ jobType, queue, completed: done, failed, run }) => [jobType, queue, done, failed, run])
          .toSorted((one, other) => Number(other[2]) - Number(one[2])),
        [
          ['mail', null, 3, 0, { sumMs: 3, counts: [1, 2] }],
          ['mail', 'eu', 0, 1, { sumMs: 1.5, counts: [1] }],
        ],
      )
    },
  },
  {
    name: 'many workers that report the same minute at once lose nothing and wait for nobody for long',
    async run(t) {
      await steadyMinute(t)
      const types = ['a', 'b', 'c', 'd', 'e']
      const report = (n: number): Promise<number> =>
        t.store.recordMetrics({
          entries: types.map((_, at) =>
            entry({ jobType: types[(at + n) % types.length] ?? '', agoMs: (n % 3) * MINUTE_MS }),
          ),
        })
      await Promise.all(Array.from({ length: 30 }, (_, n) => report(n)))
      const rows = await t.store.readMetrics({ ...LATEST, by: 'jobType', step: 1440, minutes: 1440 })
      equal(
        types.map((type) => rows.filter((row) => row.jobType === type).reduce((sum, row) => sum + row.completed, 0)),
        types.map(() => 30),
      )
    },
  },
  {
    name: 'a claim names the queue of a job, and nothing of one without',
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker, { queue: 'eu', tenantId: 't' })
      equal([job.queue, job.groupId], ['eu', null])
      await t.settle(completed(job))
      const plain = await t.start(worker, { groupId: 'g' })
      equal(['queue' in plain && plain.queue !== undefined, plain.groupId], [false, 'g'])
    },
  },
]
