import { equal } from './assert.ts'
import { completed, failed, retry } from './bench.ts'
import type { ConformanceCase } from './case.ts'

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

export const traceCases: readonly ConformanceCase[] = [
  {
    name: 'a trace comes with every claim of its job, and with none of another',
    async run(t) {
      const worker = await t.worker()
      await t.addAll([{ trace: TRACE }, {}, { trace: '{"traceparent":"x","tracestate":"a=\\"b\\""}', priority: -1 }])
      const claimed = await t.claim(worker)
      equal(
        claimed.map(({ trace }) => trace),
        [TRACE, undefined, '{"traceparent":"x","tracestate":"a=\\"b\\""}'],
      )
      for (const { id, token } of claimed) await t.settle(retry({ id, token }))
      await t.keepHouse(worker)
      const traces = new Map((await t.claim(worker)).map(({ id, trace }) => [id, trace]))
      for (const { id, trace } of claimed) equal([traces.has(id), traces.get(id)], [true, trace])
    },
  },
  {
    name: 'a job that failed for good keeps its trace when it is retried, and its dead letter has it, too',
    async run(t) {
      const worker = await t.worker()
      const job = await t.finish(worker, failed, { trace: TRACE, deadLetterJobType: 'letter' })
      const [letter] = await t.claim(worker)
      equal([letter?.jobType, letter?.trace], ['letter', TRACE])
      await t.settle(completed({ id: letter?.id ?? 0, token: letter?.token ?? 0 }))
      await t.store.retry({ id: job.id })
      const [again] = await t.claim(worker)
      equal([again?.id, again?.trace], [job.id, TRACE])
    },
  },
]
