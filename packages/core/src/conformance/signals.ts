import type { Wake } from '../store/store.ts'
import { check, equal } from './assert.ts'
import type { Bench } from './bench.ts'
import type { ConformanceCase } from './case.ts'

/** A level nothing else uses: once it is heard, everything sent before it has been heard. */
const LAST = 77_777

/** Runs `work` while listening and answers what was heard, up to a wake-up sent at the end. */
async function heardDuring(t: Bench, work: () => Promise<unknown>): Promise<readonly Wake[]> {
  const heard: Wake[] = []
  const listening = new AbortController()
  let end = (): void => undefined
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  await t.store.listen({
    onWake(wake) {
      if (wake.kind === 'ready' && wake.priorities[0] === LAST) end()
      else heard.push(wake)
    },
    onError: () => undefined,
    signal: listening.signal,
  })
  try {
    await work()
    await t.store.wake({ priorities: [LAST] })
    await ended
  } finally {
    listening.abort()
  }
  return heard
}

const READY = (...priorities: number[]): Wake => ({ kind: 'ready', priorities })

export const signalCases: readonly ConformanceCase[] = [
  {
    name: 'a wake-up reaches listeners with the levels it names; none named means any',
    needs: ['push'],
    async run(t) {
      const heard = await heardDuring(t, async () => {
        await t.store.wake({ priorities: [0, -5, 2_147_483_647] })
        await t.store.wake({ priorities: [] })
        await t.store.wake({ priorities: Array.from({ length: 5000 }, (_, n) => n) })
      })
      equal([...heard], [READY(0, -5, 2_147_483_647), READY(), READY()])
    },
  },
  {
    name: 'an add on a connection of the store wakes nobody by itself',
    needs: ['push'],
    async run(t) {
      await t.worker()
      equal([...(await heardDuring(t, () => t.add()))], [])
    },
  },
  {
    name: 'an add in the transaction of the caller wakes sleeping workers when it commits, and only then',
    needs: ['push', 'caller-transactions'],
    async run(t) {
      const { transaction } = t.target
      check(transaction !== undefined, 'the target has transactions')
      const jobs = [
        { jobType: 'work', payload: '1', priority: 4 },
        { jobType: 'work', payload: '2', priority: 4 },
      ]
      const add = (fails: boolean): Promise<unknown> =>
        transaction(async (db) => {
          await t.store.enqueue({ jobs, db })
          if (fails) throw new Error('rolled back')
        }).catch(() => undefined)
      equal([...(await heardDuring(t, () => add(false)))], [])
      const worker = await t.worker()
      equal([...(await heardDuring(t, () => add(true)))], [])
      equal([...(await heardDuring(t, () => add(false)))], [READY(4)])
      await t.exchange(worker, { sleeping: false })
      equal([...(await heardDuring(t, () => add(false)))], [])
    },
  },
  {
    name: 'cancelling a running job tells its worker at once, and only the first time',
    needs: ['push'],
    async run(t) {
      const job = await t.start(await t.worker())
      const heard = await heardDuring(t, async () => {
        await t.store.cancel({ id: job.id })
        await t.store.cancel({ id: job.id })
      })
      equal([...heard], [{ kind: 'cancel', jobId: job.id }])
    },
  },
  {
    name: 'what becomes ready by a retry, or by an edit of its time, wakes workers',
    needs: ['push'],
    async run(t) {
      const [cancelled, scheduled] = await t.addAll([{}, { runAt: new Date(Date.now() + 3_600_000) }])
      await t.store.cancel({ id: cancelled ?? 0 })
      equal([...(await heardDuring(t, () => t.store.retry({ id: cancelled ?? 0 })))], [READY()])
      equal(
        [...(await heardDuring(t, () => t.store.edit({ id: scheduled ?? 0, changes: { runAt: null } })))],
        [READY()],
      )
    },
  },
  {
    name: 'after its signal has aborted a listener hears nothing',
    needs: ['push'],
    async run(t) {
      const heard: Wake[] = []
      const listening = new AbortController()
      await t.store.listen({ onWake: (wake) => heard.push(wake), onError: () => undefined, signal: listening.signal })
      listening.abort()
      equal([...(await heardDuring(t, () => t.store.wake({ priorities: [1] })))], [READY(1)])
      equal(heard, [])
    },
  },
]
