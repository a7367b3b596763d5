import type { JobLogLine } from '../model/log.ts'
import type { ClaimedJob } from '../store/claim.ts'
import type { LogEntry, LogResult } from '../store/logs.ts'
import { check, equal } from './assert.ts'
import { type Bench, completed, failed, retry } from './bench.ts'
import type { ConformanceCase } from './case.ts'

type Attempt = Pick<ClaimedJob, 'id' | 'token' | 'attempt'>

function entry({ id, token, attempt }: Attempt, messages: readonly string[], dropped = 0): LogEntry {
  const lines = messages.map((message) => ({ agoMs: 0, level: 'info' as const, message, fields: null }))
  return { id, token, attempt, dropped, lines }
}

function write(t: Bench, ...entries: LogEntry[]): Promise<readonly LogResult[]> {
  return t.store.writeLogs({ entries })
}

async function lines(t: Bench, id: number, after = 0, limit = 1000): Promise<readonly JobLogLine[]> {
  return (await t.store.listLogs({ id, after, limit })).lines
}

async function messages(t: Bench, id: number): Promise<readonly string[]> {
  return (await lines(t, id)).map(({ message }) => message)
}

export const logCases: readonly ConformanceCase[] = [
  {
    name: 'lines are read as they were written, in order, page by page',
    async run(t) {
      const job = await t.start(await t.worker())
      const before = await t.store.storeTime()
      await write(t, {
        ...entry(job, []),
        lines: [
          { agoMs: 60_000, level: 'warn', message: 'first “line”', fields: '{"a":[1,null],"b":"ü"}' },
          { agoMs: 0.25, level: 'debug', message: '', fields: null },
        ],
      })
      await write(t, entry(job, ['third']))
      const [first, second, third] = await lines(t, job.id)
      check(first !== undefined && second !== undefined && third !== undefined, 'there are three lines')
      equal(
        [first, second].map(({ level, message, fields, attempt }) => ({ level, message, fields, attempt })),
        [
          { level: 'warn', message: 'first “line”', fields: { a: [1, null], b: 'ü' }, attempt: 1 },
          { level: 'debug', message: '', fields: null, attempt: 1 },
        ],
      )
      const age = second.at.getTime() - first.at.getTime()
      check(age >= 59_990 && age <= 60_010, `the first is a minute older: ${age} ms`)
      check(second.at.getTime() >= before.getTime() - 10, 'the time is the store’s')
      equal(await lines(t, job.id, 0, 1), [first])
      equal(await lines(t, job.id, first.id, 1), [second])
      equal(await lines(t, job.id, second.id), [third])
      equal(await t.store.listLogs({ id: 987_654_321, after: 0, limit: 10 }), { lines: [], dropped: 0 })
    },
  },
  {
    name: 'lines of an attempt that was taken over are refused, those of one that has just ended are not',
    async run(t) {
      const worker = await t.worker()
      const [ended, dead, again] = [await t.start(worker), await t.start(worker), await t.start(worker)]
      await t.settle(completed(ended), failed(dead), retry(again))
      equal(await write(t, entry(ended, ['a']), entry(dead, ['b']), entry(again, ['c'])), [
        'stored',
        'stored',
        'stored',
      ])
      await t.keepHouse(worker)
      const next = await t.claimOne(worker)
      equal(await write(t, entry(again, ['late']), entry(next, ['d']), entry({ ...ended, id: 987_654_321 }, ['x'])), [
        'lost',
        'stored',
        'lost',
      ])
      equal(await messages(t, again.id), ['c', 'd'])
      equal(
        (await lines(t, again.id)).map(({ attempt }) => attempt),
        [1, 2],
      )
      equal(await messages(t, ended.id), ['a'])
    },
  },
  {
    name: 'the last thousand lines of a job stay, and how many went is known',
    async run(t) {
      const worker = await t.worker()
      const [job, other] = [await t.start(worker), await t.start(worker)]
      const numbered = (from: number, count: number): string[] =>
        Array.from({ length: count }, (_, at) => `${from + at}`)
      await write(t, entry(job, numbered(0, 700)), entry(other, ['only']))
      await write(t, entry(job, numbered(700, 700), 5))
      equal(await messages(t, job.id), numbered(400, 1000))
      equal((await t.store.listLogs({ id: job.id, after: 0, limit: 1 })).dropped, 405)
      equal(await messages(t, other.id), ['only'])
    },
  },
  {
    name: 'no more than a megabyte of a job’s lines stays',
    async run(t) {
      const job = await t.start(await t.worker())
      const long = 'x'.repeat(8000)
      for (let written = 0; written < 160; written += 40) {
        await write(
          t,
          entry(
            job,
            Array.from({ length: 40 }, (_, at) => `${written + at} ${long}`),
          ),
        )
      }
      const kept = await lines(t, job.id)
      check(kept.length >= 125 && kept.length <= 131, `${kept.length} lines of 8,000 bytes`)
      check(kept.at(-1)?.message.startsWith('159 ') === true, 'the last line is there')
      equal((await t.store.listLogs({ id: job.id, after: 0, limit: 1 })).dropped, 160 - kept.length)
    },
  },
  {
    name: 'lines go with a job that leaves no history, and with history when it is cleaned up',
    async run(t) {
      const worker = await t.worker()
      const [gone, old] = [await t.start(worker), await t.start(worker)]
      await write(t, entry(gone, ['a']), entry(old, ['b']))
      const settlement = { id: gone.id, token: gone.token, kind: 'completed', hasSteps: true } as const
      await t.store.settle({ settlements: [settlement], keepCompleted: false })
      equal(await messages(t, gone.id), [])
      equal(await write(t, entry(gone, ['late'])), ['lost'])
      await t.settle(completed(old))
      equal(await messages(t, old.id), ['b'])
      await t.target.ageFinished(old.id, 3)
      await t.store.cleanupJobs({ daysToKeep: 1, batch: 100 })
      equal(await messages(t, old.id), [])
    },
  },
]
