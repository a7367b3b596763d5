import { connect, createServer, type AddressInfo } from 'node:net'
import { initJobQueue, type JobQueue } from 'millrace'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { doctor, type Examined } from './support/doctor.ts'
import { type OwnRedis, startRedis } from './support/servers.ts'

const hasRedis = (process.env['MILLRACE_TEST_REDIS_URL'] ?? '') !== ''

type Client = { call(name: string, ...words: string[]): Promise<unknown> } & ReturnType<JobQueue['getRedisClient']>

describe.skipIf(!hasRedis)('of a Redis server the doctor finds', { timeout: 60_000 }, () => {
  let server: OwnRedis
  let queue: JobQueue
  let client: Client
  const ask = async (...[name = '', ...words]: string[]): Promise<string> => String(await client.call(name, ...words))
  const examine = (...args: string[]): Promise<Examined> =>
    doctor(['--max-wait', '1h', ...args], { REDIS_URL: server.url })

  beforeAll(async () => {
    server = await startRedis({ appendonly: 'yes', 'enable-protected-configs': 'yes' })
    queue = initJobQueue({ backend: 'redis', redisConfig: { url: server.url }, listen: false })
    await queue.ready()
    client = queue.getRedisClient<Client>()
  })
  afterAll(async () => {
    await queue.close()
    await server.stop()
  })

  const faults: readonly (readonly [name: string, set: readonly string[], undo: readonly string[], next: RegExp])[] = [
    [
      'eviction',
      ['config', 'set', 'maxmemory-policy', 'allkeys-lru'],
      ['config', 'set', 'maxmemory-policy', 'noeviction'],
      /config set maxmemory-policy noeviction/,
    ],
    ['persistence', ['config', 'set', 'appendonly', 'no'], ['config', 'set', 'appendonly', 'yes'], /appendonly yes/],
    ['memory', ['config', 'set', 'maxmemory', 'NEARLY'], ['config', 'set', 'maxmemory', '0'], /raise maxmemory/],
    ['connections', ['config', 'set', 'maxclients', 'FULL'], ['config', 'set', 'maxclients', '1000'], /smaller pools/],
  ]
  it.each(faults)('%s', async (name, set, undo, next) => {
    const used = Number(/used_memory:(\d+)/.exec(await ask('info', 'memory'))?.[1])
    // And the two that the doctor opens.
    const clients = Number(/connected_clients:(\d+)/.exec(await ask('info', 'clients'))?.[1])
    const values: Readonly<Record<string, number>> = { NEARLY: Math.round(used * 1.05), FULL: clients + 2 }
    await ask(...set.map((word) => String(values[word] ?? word)))
    try {
      const looked = await examine()
      expect(looked).toMatchObject({ code: 1, found: [name] })
      expect(looked.findings[0]).toMatchObject({ fixable: false, next: expect.stringMatching(next) })
    } finally {
      await ask(...undo)
    }
    expect(await examine()).toMatchObject({ code: 0, found: [] })
  })

  it('that it could not save', async () => {
    const [, folder = ''] = (await ask('config', 'get', 'dir')).split(',')
    await ask('config', 'set', 'dir', '/proc')
    await ask('bgsave', 'schedule')
    await expect.poll(() => ask('info', 'persistence'), { timeout: 10_000 }).toContain('rdb_last_bgsave_status:err')
    const looked = await examine()
    expect(looked.found).toEqual(['persistence'])
    expect(looked.findings[0]?.detail).toContain('rdb_last_bgsave_status')
    await ask('config', 'set', 'dir', folder)
    await ask('bgsave', 'schedule')
    await expect.poll(() => ask('info', 'persistence'), { timeout: 10_000 }).toContain('rdb_last_bgsave_status:ok')
    expect((await examine()).found).toEqual([])
  })

  it('that jobs fail for good, and a pause that is old', async () => {
    const doomed = { jobType: 'doomed', payload: {}, maxAttempts: 1 }
    await queue.addJobs([doomed, doomed, doomed])
    const failing = { doomed: () => Promise.reject(new Error('no luck')) }
    const processor = queue.createProcessor(failing, { jobType: 'doomed', heartbeat: 'main' })
    await processor.start()
    await queue.pause({ jobType: 'held' })
    const looked = await examine('--max-dead', '2', '--max-pause', '1ms')
    expect(looked.found).toEqual(['pauses', 'dead letters'])
    await queue.resume({ jobType: 'held' })
    expect((await examine()).found).toEqual([])
  })

  it('that it is too old to work with', async () => {
    const proxy = createServer((client) => {
      const upstream = connect(server.port, '127.0.0.1')
      client.pipe(upstream)
      // As long as it was, or the length before it would lie.
      upstream.on('data', (data) =>
        client.write(Buffer.from(data.toString('latin1').replace(/redis_version:\d/, 'redis_version:6'), 'latin1')),
      )
      for (const socket of [client, upstream]) socket.on('error', () => client.destroy())
      client.on('close', () => upstream.destroy())
      upstream.on('close', () => client.destroy())
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    try {
      const { port } = proxy.address() as AddressInfo
      const looked = await doctor([], { REDIS_URL: `redis://127.0.0.1:${port}` })
      expect(looked).toMatchObject({ code: 1, found: ['version'] })
      expect(looked.findings[0]).toMatchObject({ next: 'upgrade the server', detail: expect.stringMatching(/Redis 6/) })
    } finally {
      await new Promise((resolve) => proxy.close(resolve))
    }
  })
})
