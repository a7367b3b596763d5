import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { MillraceError } from '../errors.ts'
import type { EnqueueOptions, NewJob } from '../store/enqueue.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { MemoryStore } from '../testing/memory-enqueue-store.ts'
import { Enqueuer } from './enqueuer.ts'
import type { EnqueuerOptions } from './enqueuer.ts'

function setUp(options: Partial<EnqueuerOptions> = {}): { store: MemoryStore; clock: ManualClock; enqueuer: Enqueuer } {
  const store = new MemoryStore()
  let draws = 0
  const clock = new ManualClock({ random: () => (draws++ % 1000) / 1000 })
  return { store, clock, enqueuer: new Enqueuer({ store, clock, ready: async () => {}, wallNow: () => 0, ...options }) }
}

const job = (name: string, more: Partial<NewJob> = {}): NewJob => ({
  jobType: 't',
  payload: JSON.stringify(name),
  ...more,
})
const keyed = (key: string, more: Partial<NewJob> = {}): NewJob => job(key, { idempotencyKey: key, ...more })
const lost = (code: 'STORE_TIMEOUT' | 'STORE_UNAVAILABLE' = 'STORE_UNAVAILABLE'): never => {
  throw new MillraceError(code, 'no reply')
}

function openable(): { gate: Promise<void>; open: () => void } {
  let open = (): void => {}
  const gate = new Promise<void>((resolve) => {
    open = resolve
  })
  return { gate, open }
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

describe('single adds', () => {
  it('made in one turn share a statement, whatever promises they came through', async () => {
    const { store, enqueuer } = setUp()
    const deep = async (name: string, depth: number): Promise<number> => {
      for (let i = 0; i < depth; i++) await Promise.resolve()
      return enqueuer.add(job(name))
    }
    expect(await Promise.all([enqueuer.add(job('a')), deep('b', 0), deep('c', 3), deep('d', 9)])).toEqual([1, 2, 3, 4])
    expect(store.statements).toHaveLength(1)
  })

  it('gather while two statements are under way and leave when one returns', async () => {
    const { store, enqueuer } = setUp()
    const { gate, open } = openable()
    store.gate = gate
    const ids: Promise<number>[] = []
    for (let i = 0; i < 10; i++) {
      ids.push(enqueuer.add(job(`${i}`)))
      await turn()
    }
    expect(store.statements.map((jobs) => jobs.length)).toEqual([1, 1])
    open()
    expect(new Set(await Promise.all(ids)).size).toBe(10)
    expect(store.statements.map((jobs) => jobs.length)).toEqual([1, 1, 8])
  })

  it('never have more statements under way than the store can take', async () => {
    const { store, clock } = setUp()
    store.parallelism = 1
    const enqueuer = new Enqueuer({ store, clock, ready: async () => {} })
    const { gate, open } = openable()
    store.gate = gate
    const first = enqueuer.add(job('a'))
    await turn()
    const others = [enqueuer.add(job('b')), enqueuer.add(keyed('k')), enqueuer.addMany([job('c')])]
    await turn()
    expect(store.statements).toHaveLength(1)
    open()
    await Promise.all([first, ...others])
    expect(store.statements).toHaveLength(4)
  })

  it('go out at most 5000 to a statement', async () => {
    const { store, enqueuer } = setUp()
    const ids = await Promise.all(Array.from({ length: 12_000 }, (_, i) => enqueuer.add(job(`${i}`))))
    expect(ids).toEqual(Array.from({ length: 12_000 }, (_, i) => i + 1))
    expect(store.statements.map((jobs) => jobs.length)).toEqual([5000, 5000, 2000])
  })

  it('with a key go out in a statement of their own, sorted by tenant and key', async () => {
    const { store, enqueuer } = setUp()
    const adds = [keyed('z'), job('plain'), keyed('a', { tenantId: 't2' }), keyed('b'), keyed('a', { tenantId: 't1' })]
    const ids = await Promise.all(adds.map((add) => enqueuer.add(add)))
    const keys = store.statements.map((jobs) => jobs.map((one) => `${one.tenantId ?? ''}/${one.idempotencyKey ?? '-'}`))
    expect(keys).toEqual([['/-'], ['/b', '/z', 't1/a', 't2/a']])
    adds.forEach((add, index) => expect(store.jobs.get(ids[index] ?? 0)).toMatchObject(add))
  })

  it('with a key that exists answer the id it has', async () => {
    const { enqueuer, store } = setUp()
    const id = await enqueuer.add(keyed('k'))
    expect(await Promise.all([enqueuer.add(keyed('k')), enqueuer.add(keyed('k'))])).toEqual([id, id])
    expect(store.jobs.size).toBe(1)
  })

  it('fail alone: a batch the store refuses is halved until only the bad ones are left', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 60 }),
        fc.uniqueArray(fc.nat(59), { maxLength: 4 }),
        async (size, bad) => {
          const { store, enqueuer } = setUp()
          store.before = (jobs) => {
            if (jobs.some((one) => one.jobType === 'bad')) throw new MillraceError('STORE_FAILED', 'bad')
          }
          const jobs = Array.from({ length: size }, (_, i) =>
            job(`${i}`, { jobType: bad.includes(i) ? 'bad' : 'good' }),
          )
          const results = await Promise.allSettled(jobs.map((one) => enqueuer.add(one)))
          results.forEach((result, index) => {
            expect(result.status).toBe(bad.includes(index) ? 'rejected' : 'fulfilled')
          })
          const stored = results.flatMap((result) =>
            result.status === 'fulfilled' ? [store.jobs.get(result.value)] : [],
          )
          expect(stored).toMatchObject(jobs.filter((one) => one.jobType === 'good'))
        },
      ),
    )
  })

  it('do not each cost a statement when the whole database refuses', async () => {
    const { store, enqueuer } = setUp()
    store.before = () => {
      throw new MillraceError('STORE_FAILED', 'disk full')
    }
    const results = await Promise.allSettled(Array.from({ length: 5000 }, (_, i) => enqueuer.add(job(`${i}`))))
    expect(results.every((result) => result.status === 'rejected')).toBe(true)
    expect(store.statements.length).toBeLessThan(150)
  })

  it('are refused together when the schema is not there', async () => {
    const missing = new MillraceError('SCHEMA_MISSING', 'no schema')
    const { store, enqueuer } = setUp({ ready: () => Promise.reject(missing) })
    await expect(Promise.all([enqueuer.add(job('a')), enqueuer.add(job('b'))])).rejects.toBe(missing)
    await expect(enqueuer.addMany([job('c')])).rejects.toBe(missing)
    expect(store.statements).toHaveLength(0)
  })
})

describe('explicit batches', () => {
  it('of any size are one statement, and nothing for an empty one', async () => {
    const { store, enqueuer } = setUp()
    const jobs = Array.from({ length: 20_000 }, (_, i) => job(`${i}`))
    expect(await enqueuer.addMany(jobs)).toHaveLength(20_000)
    expect(await enqueuer.addMany([])).toEqual([])
    expect(store.statements).toHaveLength(1)
  })

  it('are all or nothing', async () => {
    const { store, enqueuer } = setUp()
    store.before = (jobs) => {
      if (jobs.some((one) => one.jobType === 'bad')) throw new MillraceError('STORE_FAILED', 'bad')
    }
    const single = enqueuer.add(job('alone'))
    await expect(enqueuer.addMany([job('a'), job('b', { jobType: 'bad' })])).rejects.toMatchObject({
      code: 'STORE_FAILED',
    })
    expect(await single).toBe(1)
    expect(store.jobs.size).toBe(1)
  })
})

describe('a lost reply', () => {
  it('is looked up, and what took effect is not sent again', async () => {
    const { store, clock, enqueuer } = setUp()
    store.after = () => {
      store.after = () => {}
      lost('STORE_TIMEOUT')
    }
    const ids = Promise.all(['a', 'b', 'c'].map((name) => enqueuer.add(job(name))))
    await turn()
    await clock.advance(1000)
    expect(await ids).toEqual([1, 2, 3])
    expect(store.statements).toHaveLength(1)
    expect(store.lookups).toBe(1)
  })

  it('of a statement that never took effect is followed by one that does', async () => {
    const { store, clock, enqueuer } = setUp()
    let failures = 3
    store.before = () => {
      if (failures-- > 0) lost()
    }
    const id = enqueuer.add(job('a'))
    await turn()
    await clock.advance(10_000)
    expect(await id).toBe(1)
    expect(store.jobs.size).toBe(1)
  })

  it('of keyed adds is followed by the same statement again', async () => {
    const { store, clock, enqueuer } = setUp()
    store.after = () => {
      store.after = () => {}
      lost()
    }
    const ids = Promise.all([enqueuer.add(keyed('x')), enqueuer.add(keyed('y'))])
    await turn()
    await clock.advance(1000)
    expect(await ids).toEqual([1, 2])
    expect(store.jobs.size).toBe(2)
    expect(store.lookups).toBe(0)
  })

  it('never duplicates or loses a job of a mixed batch, wherever replies are lost', async () => {
    const step = fc.constantFrom('ok', 'before', 'after')
    const member = fc.record({ key: fc.option(fc.constantFrom('a', 'b', 'c', 'd', 'e')) })
    await fc.assert(
      fc.asyncProperty(
        fc.array(member, { minLength: 1, maxLength: 8 }),
        fc.array(step, { maxLength: 6 }),
        async (members, steps) => {
          const { store, clock, enqueuer } = setUp()
          const existing = await enqueuer.addMany([keyed('a'), keyed('c')])
          store.before = () => void (steps[0] === 'before' && steps.shift() && lost())
          store.after = () => void (steps.shift() === 'after' && lost('STORE_TIMEOUT'))
          const jobs = members.map(({ key }, index) => (key === null ? job(`${index}`) : keyed(key)))
          const adding = enqueuer.addMany(jobs)
          await turn()
          await clock.advance(30_000)
          const ids = await adding
          const names = new Set(jobs.map((one) => one.payload).filter((name) => name !== '"a"' && name !== '"c"'))
          expect(store.jobs.size).toBe(existing.length + names.size)
          ids.forEach((id, index) => expect(store.jobs.get(id)).toMatchObject({ payload: jobs[index]?.payload }))
        },
      ),
      { numRuns: 300 },
    )
  })

  it('that stays lost for 30 seconds rejects with STORE_UNAVAILABLE and a remedy', async () => {
    const { store, clock, enqueuer } = setUp()
    store.before = () => lost()
    const adds = Promise.allSettled([enqueuer.add(job('a')), enqueuer.add(job('b'))])
    await turn()
    await clock.advance(31_000)
    expect(await adds).toMatchObject([
      { status: 'rejected', reason: { code: 'STORE_UNAVAILABLE', message: expect.stringContaining('idempotencyKey') } },
      { status: 'rejected' },
    ])
    expect(clock.pendingTimers).toBe(0)
  })

  it('whose look-up is refused is reported as unknown, and nothing is sent again, in part or whole', async () => {
    const { store, clock, enqueuer } = setUp()
    store.after = () => lost()
    store.findEnqueued = () => Promise.reject(new MillraceError('STORE_FAILED', 'no', { details: { outcome: 'none' } }))
    const adds = Promise.allSettled(['a', 'b', 'c'].map((name) => enqueuer.add(job(name))))
    await turn()
    await clock.advance(31_000)
    for (const add of await adds)
      expect(add).toMatchObject({ reason: { code: 'STORE_UNAVAILABLE', details: { outcome: 'unknown' } } })
    expect([store.statements.length, store.jobs.size]).toEqual([1, 3])
  })

  it('that was looked up in vain does not make a later refusal unknown', async () => {
    const { store, clock, enqueuer } = setUp()
    let isFirst = true
    store.before = () => {
      if (isFirst) {
        isFirst = false
        lost()
      }
      throw new MillraceError('STORE_FAILED', 'too large', { details: { outcome: 'none' } })
    }
    const add = Promise.allSettled([enqueuer.add(job('a'))])
    await turn()
    await clock.advance(31_000)
    expect(await add).toMatchObject([{ reason: { message: 'too large' } }])
  })

  it('that certainly had no effect for 30 seconds rejects with what stood in its way', async () => {
    const { store, clock, enqueuer } = setUp()
    store.before = () => {
      throw new MillraceError('STORE_FAILED', 'the disk is full', { details: { outcome: 'none', isTransient: true } })
    }
    const add = Promise.allSettled([enqueuer.add(job('a'))])
    await turn()
    await clock.advance(31_000)
    expect(await add).toMatchObject([{ reason: { message: 'the disk is full', details: { outcome: 'none' } } }])
  })
})

describe('announcements', () => {
  it('tell what is new, and processors of this process what is ready or due next', async () => {
    const added: unknown[] = []
    const ready: unknown[] = []
    const { enqueuer } = setUp({
      wallNow: () => 1000,
      onAdded: (ids, jobs, created) => added.push([ids, jobs.length, created]),
      onReady: (priorities, runAt) => ready.push([priorities, runAt?.getTime()]),
    })
    await enqueuer.addMany([
      keyed('k'),
      job('due', { runAt: new Date(1000), priority: 5 }),
      job('later', { runAt: new Date(3000) }),
    ])
    await enqueuer.addMany([keyed('k', { priority: 9 }), job('soon', { runAt: new Date(2000) })])
    expect(added).toEqual([
      [[1, 2, 3], 3, 'all'],
      [[1, 4], 2, new Set([1])],
    ])
    expect(ready).toEqual([
      [[0, 5], 3000],
      [[], 2000],
    ])
  })

  it('that throw are reported, and the add succeeds', async () => {
    const errors: string[] = []
    const { enqueuer } = setUp({
      onAdded: () => {
        throw new Error('listener')
      },
      onError: (error) => {
        errors.push(error.message)
        throw new Error('the reporter too')
      },
    })
    expect(await enqueuer.add(job('a'))).toBe(1)
    expect(errors).toEqual(['listener'])
  })

  it('wake sleeping workers for what is ready, not for what is due later', async () => {
    const { store, clock, enqueuer } = setUp()
    await enqueuer.add(job('nobody sleeps'))
    store.sleepers = true
    await clock.advance(5)
    await enqueuer.add(job('future', { runAt: new Date(60_000) }))
    expect(store.wakes).toEqual([])
    await enqueuer.add(job('now', { priority: 2 }))
    expect(store.wakes).toEqual([[2]])
    await enqueuer.add(job('within five milliseconds of it', { priority: 3 }))
    expect(store.wakes).toEqual([[2]])
    await clock.advance(5)
    expect(store.wakes).toEqual([[2], [3]])
  })
})

describe('close', () => {
  it('waits for adds under way and for the last wake-up, and refuses new ones', async () => {
    const { store, clock, enqueuer } = setUp()
    store.sleepers = true
    await enqueuer.add(job('first'))
    const { gate, open } = openable()
    store.gate = gate
    const adds = Promise.all([enqueuer.add(job('a')), enqueuer.addMany([job('b')]), enqueuer.add(keyed('k'))])
    let isClosed = false
    const closing = enqueuer.close().then(() => {
      isClosed = true
    })
    await expect(enqueuer.add(job('late'))).rejects.toMatchObject({ code: 'QUEUE_CLOSED' })
    await expect(enqueuer.addMany([job('late')])).rejects.toMatchObject({ code: 'QUEUE_CLOSED' })
    await turn()
    expect(isClosed).toBe(false)
    open()
    await adds
    await closing
    expect(store.jobs.size).toBe(4)
    expect(store.wakes).toHaveLength(2)
    expect(clock.pendingTimers).toBe(0)
    await enqueuer.close()
  })
})

describe("adds in the caller's transaction", () => {
  it('run on his client, without nonce, repeat or announcement', async () => {
    const calls: EnqueueOptions[] = []
    const announced: unknown[] = []
    const { store, enqueuer } = setUp({ onAdded: (ids) => announced.push(ids) })
    const enqueue = store.enqueue.bind(store)
    store.enqueue = (options) => {
      calls.push(options)
      return enqueue(options)
    }
    const db = { query: async () => ({ rows: [] }) }
    expect(await enqueuer.addWith(db, [job('a'), job('b')])).toEqual([1, 2])
    store.after = () => lost()
    await expect(enqueuer.addWith(db, [job('c')])).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    expect(calls.map((call) => [call.db, call.nonce])).toEqual([
      [db, undefined],
      [db, undefined],
    ])
    expect(announced).toEqual([])
  })
})
