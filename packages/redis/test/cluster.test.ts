import { Cluster } from 'ioredis'
import type { JobQueue } from 'millrace'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openRedis } from '../src/index.ts'
import { poll } from './support/poll.ts'
import { endAfterTest, freshPrefix, openQueueWith } from './support/queues.ts'
import { hasServer, startCluster, type TestCluster } from './support/servers.ts'

const WITHIN = { timeout: 90_000 }

describe.skipIf(!(await hasServer()))('on a Redis cluster of three masters and three replicas', () => {
  let cluster: TestCluster
  beforeAll(async () => {
    cluster = await startCluster({ masters: 3, replicas: 3 }, { appendonly: 'yes' })
  })
  afterAll(() => cluster.stop())

  /** Any two of the nodes: the others are to be found. */
  const open = (keyPrefix: string): JobQueue =>
    openQueueWith({ redisConfig: { nodes: cluster.nodes.slice(0, 2) }, keyPrefix })

  it('instances are spread over the nodes, and each works', async () => {
    const prefixes = Array.from({ length: 8 }, (_, n) => `${freshPrefix()}${n}`)
    const queues = prefixes.map(open)
    await Promise.all(queues.map(async (queue) => addAndWork(queue, 20)))
    const masters = prefixes.map((prefix) => cluster.masterOf(cluster.slotOf(`{${prefix}}`)).port)
    expect(new Set(masters).size).toBeGreaterThan(1)
    for (const queue of queues) expect(await queue.checkInvariants()).toEqual([])
  })

  it('a cluster client of the caller leads to the node as well, and stays open', async () => {
    const client = new Cluster([...cluster.nodes].slice(2, 3), { redisOptions: { keyPrefix: 'mine:' } })
    endAfterTest(async () => client.disconnect())
    const queue = openQueueWith({ client, keyPrefix: freshPrefix() })
    await addAndWork(queue, 20)
    expect(queue.getRedisClient()).toBe(client)
    await queue.close()
    expect(await client.ping()).toBe('PONG')
  })

  it(
    'a slot that moves under load takes everything along; meanwhile nothing begins that could end half-way',
    WITHIN,
    async () => {
      const prefix = freshPrefix()
      const queue = open(prefix)
      const slot = cluster.slotOf(`{${prefix}}`)
      const load = startLoad(queue)
      await poll(() => load.acknowledged.length > 100, 'adds go on')
      for (let round = 0; round < 2; round++) {
        const to = cluster.servers.slice(0, 3).find((server) => server !== cluster.masterOf(slot))
        if (to === undefined) throw new Error('no other master')
        let atHalf: unknown
        const moved = await cluster.moveSlot(slot, to, async () => {
          // From a process that knows nothing: it must not take half of an instance for a new one.
          const { store } = openRedis({ config: { nodes: cluster.nodes }, keyPrefix: prefix })
          atHalf = await store.migrate({ mode: 'auto' }).catch((error: unknown) => error)
          await store.close()
        })
        expect(moved).toBeGreaterThan(10)
        expect(atHalf).toMatchObject({ code: 'STORE_UNAVAILABLE', details: { outcome: 'none' } })
        expect(cluster.masterOf(slot)).toBe(to)
        const before = load.acknowledged.length
        await poll(() => load.acknowledged.length > before + 100, 'adds go on at the new place')
      }
      await load.end()
      expect(await missing(queue, load.acknowledged)).toEqual([])
      expect(load.twice()).toEqual([])
      expect(await queue.checkInvariants()).toEqual([])
    },
  )

  it(
    'work goes on at the replica of a master that is killed; only what came last before may be lost',
    WITHIN,
    async () => {
      const prefix = freshPrefix()
      const queue = open(prefix)
      const slot = cluster.slotOf(`{${prefix}}`)
      const load = startLoad(queue)
      await poll(() => load.acknowledged.length > 100, 'adds go on')
      const replicated = [...load.acknowledged]
      const master = cluster.masterOf(slot)
      expect(Number(master.command('wait', 1, 5000))).toBe(1)
      await poll(() => load.acknowledged.length > replicated.length + 100, 'adds go on')
      await master.kill()
      const before = load.acknowledged.length
      await poll(() => load.acknowledged.length > before + 100, 'adds go on at the replica', 30_000)
      expect(cluster.masterOf(slot)).not.toBe(master)
      await load.end()
      expect(await missing(queue, replicated)).toEqual([])
      const lost = await missing(queue, load.acknowledged)
      expect(lost.every((id) => load.acknowledged.indexOf(id) < before)).toBe(true)
      expect(new Set(load.acknowledged).size).toBe(load.acknowledged.length)
      expect(await queue.checkInvariants()).toEqual([])
    },
  )
})

async function addAndWork(queue: JobQueue, count: number): Promise<void> {
  await queue.addJobs(Array.from({ length: count }, (_, n) => ({ jobType: 'a', payload: { n } })))
  await queue.createProcessor({ a: async () => undefined }, { batchSize: count }).start()
  expect((await queue.getStats()).byStatus).toMatchObject({ completed: count })
}

interface Load {
  readonly acknowledged: readonly number[]
  /** Jobs that succeeded more than once. */
  readonly twice: () => readonly number[]
  /** Stops adding, and waits until everything that is stored is done. */
  readonly end: () => Promise<void>
}

/** Adds jobs one after the other and works them, whatever becomes of the servers. */
function startLoad(queue: JobQueue): Load {
  const runs = new Map<number, number>()
  const acknowledged: number[] = []
  let isOver = false
  queue.on('error', () => undefined)
  queue
    .createProcessor(
      {
        a: async (_payload: unknown, _signal: AbortSignal, { jobId }: { jobId: number }) => {
          runs.set(jobId, (runs.get(jobId) ?? 0) + 1)
        },
      } as never,
      { concurrency: 5, pollInterval: 50, onError: () => undefined },
    )
    .startInBackground()
  const adding = (async () => {
    for (let n = 0; !isOver; n++)
      await queue.addJob({ jobType: 'a', payload: { n } }).then(
        (id) => acknowledged.push(id),
        () => undefined,
      )
  })()
  return {
    acknowledged,
    twice: () => [...runs].filter(([, times]) => times > 1).map(([id]) => id),
    async end() {
      isOver = true
      await adding
      const isDone = async (): Promise<boolean> => {
        const { pending, processing, waiting } = (await queue.getStats()).byStatus
        return pending + processing + waiting === 0
      }
      await poll(isDone, 'all is done', 40_000)
    },
  }
}

async function missing(queue: JobQueue, ids: readonly number[]): Promise<readonly number[]> {
  const found = await Promise.all(ids.map(async (id) => ((await queue.getJob(id)) === null ? [id] : [])))
  return found.flat()
}
