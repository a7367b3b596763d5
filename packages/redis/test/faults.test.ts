import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { isMillraceError } from 'millrace'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { openRedis } from '../src/index.ts'
import { poll } from './support/poll.ts'
import { endAfterTest, freshPrefix, openClient, openQueue } from './support/queues.ts'
import { hasServer, startServer, type TestServer } from './support/servers.ts'

const WORKER = fileURLToPath(new URL('programs/worker.mjs', import.meta.url))

describe.skipIf(!(await hasServer()))('when Redis misbehaves', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startServer({ appendonly: 'yes', appendfsync: 'always' })
  })
  afterAll(() => server.stop())

  it('a server that forgot every script is sent them again, under load', async () => {
    const queue = openQueue(server.url, freshPrefix())
    const admin = openClient(server.url)
    const processor = queue.createProcessor({ a: async () => undefined }, { concurrency: 10, pollInterval: 50 })
    processor.startInBackground()
    for (let round = 0; round < 20; round++) {
      await Promise.all([
        queue.addJobs(Array.from({ length: 50 }, () => ({ jobType: 'a', payload: {} }))),
        admin.script('FLUSH'),
      ])
    }
    await poll(async () => (await queue.getStats()).byStatus.completed === 1000, 'all are done')
    expect(await queue.checkInvariants()).toEqual([])
  })

  it('connections that are killed lose no add that was acknowledged, and run nothing twice', async () => {
    const queue = openQueue(server.url, freshPrefix())
    const admin = openClient(server.url)
    const runs = new Map<number, number>()
    const count = async (_payload: unknown, _signal: AbortSignal, ctx: { jobId: number }): Promise<void> => {
      runs.set(ctx.jobId, (runs.get(ctx.jobId) ?? 0) + 1)
    }
    queue.on('error', () => undefined)
    queue
      .createProcessor({ a: count } as never, { concurrency: 5, pollInterval: 50, onError: () => undefined })
      .startInBackground()
    const acknowledged: number[] = []
    for (let n = 0; n < 200; n++) {
      const added = queue.addJob({ jobType: 'a', payload: { n } })
      if (n % 20 === 10) await admin.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
      acknowledged.push(await added)
    }
    await poll(async () => (await queue.getStats()).byStatus.completed === 200, 'all are done')
    expect(new Set(acknowledged).size).toBe(200)
    expect([...runs.values()].filter((times) => times !== 1)).toEqual([])
    expect(await queue.checkInvariants()).toEqual([])
  })

  it('a server that is killed and comes back has everything that was acknowledged', { timeout: 60_000 }, async () => {
    const queue = openQueue(server.url, freshPrefix())
    queue.on('error', () => undefined)
    await queue.ready()
    const acknowledged: number[] = []
    let isOver = false
    const adding = (async () => {
      for (let n = 0; !isOver; n++)
        await queue.addJob({ jobType: 'a', payload: { n } }).then(
          (id) => acknowledged.push(id),
          () => undefined,
        )
    })()
    for (let round = 0; round < 3; round++) {
      const before = acknowledged.length
      await poll(() => acknowledged.length > before + 20, 'adds go on')
      await server.kill()
      await server.restart()
    }
    const last = acknowledged.length
    await poll(() => acknowledged.length > last, 'adds go on after the last restart')
    isOver = true
    await adding
    const missing = []
    for (const id of acknowledged) if ((await queue.getJob(id)) === null) missing.push(id)
    expect(missing).toEqual([])
    expect(await queue.checkInvariants()).toEqual([])
  })

  it('a server that lost what it acknowledged gives no number out again, also if it loses that too', async () => {
    const forgetful = await startServer()
    endAfterTest(() => forgetful.stop())
    const queue = openQueue(forgetful.url, 'a:')
    queue.on('error', () => undefined)
    const admin = openClient(forgetful.url)
    const kept = await queue.addJob({ jobType: 'a', payload: {} })
    await admin.save()
    const given = new Set<number>()
    for (let round = 0; round < 3; round++) {
      for (let n = 0; n < 5; n++) {
        const id = await queue.addJob({ jobType: 'a', payload: {} })
        expect(given).not.toContain(id)
        given.add(id)
      }
      const tokens = Number(await admin.get('{a:}tokens'))
      await forgetful.kill()
      await forgetful.restart()
      expect(await queue.getJob([...given].at(-1) ?? 0)).toBeNull()
      expect((await queue.getJob(kept))?.id).toBe(kept)
      expect(Number(await admin.get('{a:}tokens'))).toBeGreaterThan(tokens)
    }
    expect(await queue.checkInvariants()).toEqual([])
  })

  it('a batch without an answer is found however many ids were left out since', { timeout: 20_000 }, async () => {
    const admin = openClient(server.url)
    const prefix = freshPrefix()
    const { store } = openRedis({ config: { url: server.url }, keyPrefix: prefix })
    endAfterTest(() => store.close())
    await store.migrate({ mode: 'auto' })
    const [first = 0] = (await store.enqueue({ jobs: [{ jobType: 'a', payload: '{}' }] })).ids
    await admin.set(`{${prefix}}ids`, 4e14)
    const jobs = Array.from({ length: 12_000 }, () => ({ jobType: 'a', payload: '{}' }))
    await store.enqueue({ jobs: jobs.slice(0, 6000) })
    const { ids } = await store.enqueue({ jobs: jobs.slice(6000), nonce: 77 })
    expect(await store.findEnqueued({ nonce: 77, sinceId: first })).toEqual(ids)
    expect(await store.findEnqueued({ nonce: 78, sinceId: first })).toBeNull()
  })

  it('the jobs of a worker that is killed run again', async () => {
    const prefix = freshPrefix()
    const queue = openQueue(server.url, prefix)
    const child = fork(WORKER, [JSON.stringify({ url: server.url, keyPrefix: prefix })], { stdio: 'inherit' })
    endAfterTest(async () => child.kill('SIGKILL'))
    const started = new Promise((resolve) => child.once('message', resolve))
    const id = await queue.addJob({ jobType: 'hang', payload: {} })
    await started
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
    const attempts: number[] = []
    queue
      .createProcessor(
        {
          hang: async (_p: unknown, _s: AbortSignal, ctx: { attempt: number }) => void attempts.push(ctx.attempt),
        } as never,
        { pollInterval: 100 },
      )
      .startInBackground()
    await poll(async () => (await queue.getJob(id))?.status === 'completed', 'it runs again')
    expect(attempts).toEqual([2])
    expect((await queue.getJobEvents(id)).map(({ eventType }) => eventType)).toContain('reclaimed')
  })
})

describe.skipIf(!(await hasServer()))('a server that could lose jobs', () => {
  it('is refused if it deletes keys when its memory is full, unless that is accepted', async () => {
    const server = await startServer({ 'maxmemory-policy': 'allkeys-lru' })
    endAfterTest(() => server.stop())
    await expect(openQueue(server.url, 'a:').ready()).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      details: { field: 'maxmemory-policy', value: 'allkeys-lru' },
    })
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    await openQueue(server.url, 'a:', { allowEviction: true }).ready()
    const warnings = warn.mock.calls.map(([message]) => String(message))
    warn.mockRestore()
    expect(warnings.some((message) => message.includes('allkeys-lru'))).toBe(true)
    expect(warnings.some((message) => message.includes('append-only'))).toBe(true)
  })

  it('takes no job when its memory is full, and still completes those it has', async () => {
    const server = await startServer()
    endAfterTest(() => server.stop())
    const queue = openQueue(server.url, 'a:', { keepCompletedJobs: false })
    const admin = openClient(server.url)
    const ids = await queue.addJobs(Array.from({ length: 10 }, () => ({ jobType: 'a', payload: {} })))
    await admin.config('SET', 'maxmemory', '1mb')
    const error: unknown = await queue.addJob({ jobType: 'a', payload: {} }).catch((thrown: unknown) => thrown)
    expect(isMillraceError(error, 'STORE_FAILED') && error.details).toMatchObject({ storeCode: 'OOM', outcome: 'none' })
    // What makes room is done, and noted, without any.
    expect(await queue.withActor('ann').cancelJob(ids[0] ?? 0, { result: true })).toBe('changed')
    expect(await queue.getAudit()).toMatchObject([{ actor: 'ann', action: 'cancelJob', outcome: 'done' }])
    await queue.createProcessor({ a: async () => undefined }, { batchSize: 10 }).start()
    expect(await queue.getJob(ids[9] ?? 0)).toBeNull()
    await admin.config('SET', 'maxmemory', '0')
    await queue.addJob({ jobType: 'a', payload: {} })
  })
})
