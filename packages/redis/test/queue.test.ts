import { Redis } from 'ioredis'
import type { JobContext } from 'millrace'
import { describe, expect, it, vi } from 'vitest'
import { endAfterTest, freshPrefix, openClient, openQueue } from './support/queues.ts'
import { poll } from './support/poll.ts'
import { startServer } from './support/servers.ts'

const url = process.env['MILLRACE_TEST_REDIS_URL'] ?? ''
const NOWHERE = 'redis://127.0.0.1:1'

/** Above every wait of a test: only a wake-up can be faster. */
const NEVER_POLLS = { pollInterval: 60_000 }

describe.skipIf(url === '')('a queue on Redis', () => {
  it('runs jobs, retries those that fail, and tells what became of them', async () => {
    const queue = openQueue(url, freshPrefix())
    const attempts: number[] = []
    const processor = queue.createProcessor(
      {
        sum: async ({ a, b }: { a: number; b: number }) => a + b,
        flaky: async (_payload: unknown, _signal: AbortSignal, ctx: { attempt: number }) => {
          attempts.push(ctx.attempt)
          if (ctx.attempt < 2) throw new Error('not yet')
        },
      } as never,
      { pollInterval: 100 },
    )
    processor.startInBackground()
    const sum = await queue.addJob({ jobType: 'sum', payload: { a: 1, b: 2 } })
    const flaky = await queue.addJob({ jobType: 'flaky', payload: {}, retryDelay: 0.05, retryBackoff: false })
    await poll(async () => (await queue.getJob(flaky))?.status === 'completed', 'the second attempt completes')
    await poll(async () => (await queue.getJob(sum))?.status === 'completed', 'the sum completes')
    expect((await queue.getJob(sum))?.output).toBe(3)
    expect(attempts).toEqual([1, 2])
    expect((await queue.getJobEvents(flaky)).map(({ eventType }) => eventType)).toEqual([
      'added',
      'processing',
      'failed',
      'processing',
      'completed',
    ])
    expect(await queue.checkInvariants()).toEqual([])
  })

  it('wakes the worker of another connection, which does not poll for it', async () => {
    const prefix = freshPrefix()
    const worker = openQueue(url, prefix)
    const adder = openQueue(url, prefix)
    const ran = new Promise<void>((resolve) => {
      worker.createProcessor({ ping: async () => resolve() }, NEVER_POLLS).startInBackground()
    })
    await poll(async () => (await adder.getWorkers()).length === 1, 'the worker is there')
    const id = await adder.addJob({ jobType: 'ping', payload: {} })
    await ran
    await poll(async () => (await adder.getJob(id))?.status === 'completed', 'it completes')
    expect((await adder.getJob(id))?.attempts).toBe(1)
  })

  it('stops a running job that another connection cancels', async () => {
    const prefix = freshPrefix()
    const worker = openQueue(url, prefix)
    const other = openQueue(url, prefix)
    let begun = (): void => undefined
    const started = new Promise<void>((resolve) => {
      begun = resolve
    })
    const hang = (_payload: unknown, signal: AbortSignal): Promise<never> =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error))
        begun()
      })
    worker.createProcessor({ hang } as never, NEVER_POLLS).startInBackground()
    const id = await other.addJob({ jobType: 'hang', payload: {} })
    await started
    await other.cancelJob(id)
    await poll(async () => (await other.getJob(id))?.status === 'cancelled', 'it is cancelled')
    expect((await other.getJobEvents(id)).at(-1)?.eventType).toBe('cancelled')
  })

  it('a worker of one type is not held up by any number of jobs of others', async () => {
    const queue = openQueue(url, freshPrefix())
    await queue.addJobs(Array.from({ length: 5000 }, () => ({ jobType: 'other', payload: {}, priority: 9 })))
    const id = await queue.addJob({ jobType: 'mine', payload: {} })
    const ran: string[] = []
    const processor = queue.createProcessor(
      { mine: async () => void ran.push('mine'), other: async () => void ran.push('other') },
      { jobType: 'mine' },
    )
    await processor.start()
    expect(ran).toEqual(['mine'])
    expect((await queue.getJob(id))?.status).toBe('completed')
  })

  it('runs steps once, suspends a job while it waits, and resumes it by a token', async () => {
    const queue = openQueue(url, freshPrefix())
    const steps: string[] = []
    const order = async (_payload: unknown, _signal: AbortSignal, ctx: JobContext): Promise<unknown> => {
      const token = await ctx.createToken()
      await ctx.run('reserve', async () => void steps.push('reserve'))
      await ctx.run('tell', async () => void (await queue.addJob({ jobType: 'told', payload: { token: token.id } })))
      await ctx.waitFor({ seconds: 0.05 })
      const paid = await ctx.waitForToken(token.id)
      await ctx.run('ship', async () => void steps.push('ship'))
      return paid
    }
    queue.createProcessor({ order } as never, { jobType: 'order', pollInterval: 50 }).startInBackground()
    const id = await queue.addJob({ jobType: 'order', payload: {} })
    await poll(async () => typeof (await queue.getJob(id))?.waitTokenId === 'string', 'it waits for its token')
    const record = await queue.getJob(id)
    expect([record?.status, record?.attempts, Object.keys(record?.stepData ?? {})]).toEqual([
      'waiting',
      0,
      ['__token_0', 'reserve', 'tell', '__wait_0', '__wait_1'],
    ])
    await queue.completeToken(record?.waitTokenId ?? '', { amount: 5 })
    await poll(async () => (await queue.getJob(id))?.status === 'completed', 'it completes')
    expect((await queue.getJob(id))?.output).toEqual({ ok: true, output: { amount: 5 } })
    expect(steps).toEqual(['reserve', 'ship'])
    expect(await queue.checkInvariants()).toEqual([])
  })

  it('fires a schedule, once for each tick, from two processes that watch it', async () => {
    const prefix = freshPrefix()
    const queues = [openQueue(url, prefix), openQueue(url, prefix)]
    let ran = 0
    for (const queue of queues)
      queue.createProcessor({ tick: async () => void ran++ }, { pollInterval: 100 }).startInBackground()
    const [queue] = queues
    await queue?.addCronJob({ scheduleName: 'often', everyMs: 200, jobType: 'tick', payload: {} })
    await poll(() => ran >= 3, 'three ticks')
    const jobs = (await queue?.getAllJobs()) ?? []
    const ticks = jobs.map(({ schedule }) => schedule?.tick.getTime())
    expect(new Set(ticks).size).toBe(jobs.length)
  })

  it('keeps every key of an instance under one hash tag', async () => {
    const prefix = freshPrefix()
    const queue = openQueue(url, prefix)
    await queue.addJob({ jobType: 'a', payload: {}, group: { id: 'g' }, tags: ['t'], idempotencyKey: 'k' })
    await queue.createProcessor({ a: async () => undefined }).start()
    const keys = await openClient(url).keys(`*${prefix}*`)
    expect(keys.length).toBeGreaterThan(5)
    expect(keys.filter((key) => !key.startsWith(`{${prefix}}`))).toEqual([])
  })

  it('answers the client that it was given, without closing it, and its own once there is one', async () => {
    const client = openClient(url)
    const own = openQueue(url, freshPrefix(), { client, redisConfig: undefined })
    expect(own.getRedisClient()).toBe(client)
    await own.addJob({ jobType: 'a', payload: {} })
    await own.close()
    expect(await client.ping()).toBe('PONG')
    const queue = openQueue(url, freshPrefix())
    const before = queue.getRedisClient<Redis>()
    expect(await before.ping()).toBe('PONG')
    await queue.ready()
    expect(queue.getRedisClient()).toBe(before)
    expect(() => queue.getPool()).toThrow('getPool() is only available with the PostgreSQL backend.')
  })

  it.each(['before its first command', 'after it'])('is closed by who ends the client it gave, %s', async (when) => {
    const server = await startServer()
    endAfterTest(() => server.stop())
    const watcher = openClient(server.url)
    const queue = openQueue(server.url, freshPrefix())
    const client = queue.getRedisClient<Redis>()
    if (when === 'after it') await client.ping()
    await queue.addJob({ jobType: 'a', payload: {} })
    queue
      .createProcessor({ a: async () => undefined } as never, { ...NEVER_POLLS, onError: () => undefined })
      .startInBackground()
    await poll(async () => (await queue.getJob(1))?.status === 'completed', 'the job completes')
    await client.quit()
    const others = async (): Promise<number> =>
      String(await watcher.client('LIST'))
        .trim()
        .split('\n').length - 1
    await poll(async () => (await others()) === 0, 'no connection of the queue is left')
    await expect(queue.getJob(1)).rejects.toThrow(expect.objectContaining({ code: 'STORE_UNAVAILABLE' }))
  })

  it('ends the client it gave as it is closed, once, so that nothing waits for it when the server stops then', async () => {
    const server = await startServer()
    endAfterTest(() => server.stop())
    const queue = openQueue(server.url, freshPrefix())
    const client = queue.getRedisClient<Redis>()
    await client.ping()
    const disconnect = vi.spyOn(client, 'disconnect')
    const ended = new Promise((resolve) => client.once('end', resolve))
    await queue.close()
    expect(disconnect).toHaveBeenCalledTimes(1)
    await server.stop()
    await ended
    expect(disconnect).toHaveBeenCalledTimes(1)
  })

  it('takes a client with a key prefix of its own as it is', async () => {
    const client = new Redis(url, { keyPrefix: 'theirs:' })
    endAfterTest(async () => client.disconnect())
    const prefix = freshPrefix()
    const queue = openQueue(url, prefix, { client, redisConfig: undefined })
    const id = await queue.addJob({ jobType: 'a', payload: { n: 1 } })
    expect((await openQueue(url, prefix).getJob(id))?.payload).toEqual({ n: 1 })
  })

  it('refuses what it cannot do by name', async () => {
    const queue = openQueue(url, freshPrefix())
    const db = { query: async () => ({ rows: [] }) }
    await expect(queue.addJob({ jobType: 'a', payload: {} }, { db })).rejects.toMatchObject({
      code: 'FEATURE_UNSUPPORTED',
    })
    await expect(queue.transaction(async () => undefined)).rejects.toMatchObject({ code: 'FEATURE_UNSUPPORTED' })
  })

  it.each([
    [{ keyPrefix: '{a}{b}' }, 'keyPrefix'],
    [{ keyPrefix: '' }, 'keyPrefix'],
    [{ redisConfig: { url: 'http://localhost' } }, 'redisConfig.url'],
    [{ redisConfig: { tls: { ca: 'file:///nowhere.pem' } } }, 'redisConfig.tls.ca'],
    [{ redisConfig: undefined, client: {} }, 'client'],
  ])('refuses %j at the first call', async (config, field) => {
    const queue = openQueue(url, 'x', config)
    await expect(queue.ready()).rejects.toMatchObject({ code: 'CONFIG_INVALID', details: { field } })
  })
})

it('refuses options of other backends', () => {
  expect(() => openQueue(NOWHERE, 'x', { schema: 'y' } as never)).toThrow(/schema/)
})
