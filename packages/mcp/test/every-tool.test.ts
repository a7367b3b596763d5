import { initJobQueue, type JobQueue, type JobQueueConfig } from 'millrace'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { READING, WRITING } from '../src/job-tools.ts'
import { type Called, Connection } from './connection.ts'

const url = process.env['MILLRACE_TEST_PG18_URL'] ?? ''
const redisUrl = process.env['MILLRACE_TEST_REDIS_URL'] ?? ''
const SCHEMA = 'mcp_every_tool'
/** As the documentation server of dataqueue names them. */
const DOC_TOOLS = ['list-doc-pages', 'get-doc-page', 'search-docs']
const PREFIX = `mcp-every-tool-${process.pid}:`

interface Store {
  readonly name: string
  readonly url: string
  readonly options: object
  readonly config: JobQueueConfig
}

const STORES: readonly Store[] = [
  {
    name: 'PostgreSQL',
    url,
    options: { database: url, schema: SCHEMA },
    config: { databaseConfig: { connectionString: url, max: 2 }, schema: SCHEMA, listen: false },
  },
  {
    name: 'Redis',
    url: redisUrl,
    options: { redis: { url: redisUrl, keyPrefix: PREFIX } },
    config: { backend: 'redis', redisConfig: { url: redisUrl, keyPrefix: PREFIX }, listen: false },
  },
]

describe.each(STORES.filter((store) => store.url !== ''))('a client on $name', ({ name: store, options, config }) => {
  let queue: JobQueue
  let server: Connection
  const drop = async (): Promise<void> => {
    if (store === 'Redis') return
    const client = new pg.Client(url)
    await client.connect()
    await client.query(`drop schema if exists ${SCHEMA} cascade`)
    await client.end()
  }
  beforeAll(async () => {
    await drop()
    queue = initJobQueue(config)
    await queue.ready()
    server = await Connection.open({ ...options, allowWrite: true })
  })
  afterAll(async () => {
    await server.client.close()
    await queue.close()
    await drop()
  })

  const called = new Set<string>()
  const call = async (tool: string, given: Record<string, unknown> = {}): Promise<Called['data']> => {
    called.add(tool)
    const { isError, texts, data } = await server.call(tool, given)
    expect([tool, isError, isError ? texts : []]).toEqual([tool, false, []])
    return data
  }
  const statusOf = async (id: number): Promise<string | undefined> => (await queue.getJob(id))?.status
  const fail = async (): Promise<number> => {
    const id = await queue.addJob({ jobType: 'fails', payload: {}, maxAttempts: 1 })
    const handlers = { fails: () => Promise.reject(new Error('no luck')) }
    await queue.createProcessor(handlers, { jobType: 'fails', heartbeat: 'main' }).start()
    return id
  }

  it('adds, edits, hastens, cancels and retries a job', async () => {
    await call('add-job', { jobType: 'mail', payload: { to: 'ada' }, runAt: '2099-01-01T00:00:00Z' })
    const [job] = await queue.getJobs({ jobType: 'mail' })
    const id = job?.id ?? 0
    await call('edit-job', { id, priority: 7 })
    expect(await queue.getJob(id)).toMatchObject({ priority: 7, payload: { to: 'ada' } })
    await call('run-job-now', { id })
    expect((await queue.getJob(id))?.runAt.getTime()).toBeLessThan(Date.now() + 60_000)
    await call('cancel-job', { id })
    expect(await statusOf(id)).toBe('cancelled')
    await call('retry-job', { id })
    expect(await statusOf(id)).toBe('pending')
    await queue.cancelJob(id)
  })

  it('redrives what failed, by its cause and by a filter, and counts before', async () => {
    const id = await fail()
    const { groups } = (await call('list-errors')) as { groups: { fingerprint: string }[] }
    await call('redrive-error', { fingerprint: groups[0]?.fingerprint })
    expect(await statusOf(id)).toBe('pending')
    await queue.cancelJob(id)
    const other = await fail()
    await call('redrive-jobs', { jobType: 'fails', dryRun: true })
    expect(await statusOf(other)).toBe('failed')
    await call('redrive-jobs', { jobType: 'fails' })
    expect(await statusOf(other)).toBe('pending')
    await queue.cancelJob(other)
  })

  it('pauses and resumes', async () => {
    await call('pause-jobs', { jobType: 'held', reason: 'the relay is down' })
    expect(await queue.getPauses()).toMatchObject([{ scope: { jobType: 'held' }, reason: 'the relay is down' }])
    expect((await call('list-pauses'))['pauses']).toMatchObject([{ scope: { jobType: 'held' } }])
    await call('resume-jobs', { jobType: 'held' })
    expect(await queue.getPauses()).toEqual([])
  })

  it('runs, skips, pauses and resumes a schedule', async () => {
    const cron = { scheduleName: 'nightly', cronExpression: '0 3 * * *', jobType: 'report', payload: {} }
    const id = await queue.addCronJob(cron)
    const before = (await queue.getCronJob(id))?.nextRunAt?.getTime() ?? 0
    await call('run-schedule', { id })
    expect(await queue.getJobs({ jobType: 'report' })).toHaveLength(1)
    await call('skip-schedule', { id })
    expect((await queue.getCronJob(id))?.nextRunAt?.getTime()).toBeGreaterThan(before)
    await call('pause-schedule', { id })
    expect((await queue.getCronJob(id))?.status).toBe('paused')
    await call('resume-schedule', { id })
    expect((await queue.getCronJob(id))?.status).toBe('active')
    expect(await call('get-schedule', { id })).toMatchObject({ schedule: { scheduleName: 'nightly' } })
  })

  it('looks at everything else, and no tool is left out', async () => {
    const id = await fail()
    const { groups } = (await call('list-errors')) as { groups: { fingerprint: string }[] }
    const given: Readonly<Record<string, Record<string, unknown>>> = {
      'get-error': { fingerprint: groups[0]?.fingerprint },
      'search-docs': { query: 'pause' },
      'get-doc-page': { slug: 'guides/operating' },
    }
    const offered = (await server.client.listTools()).tools
    for (const { name, inputSchema, annotations } of offered) {
      if (called.has(name) || annotations?.readOnlyHint !== true) continue
      const takesId = Object.hasOwn(inputSchema.properties ?? {}, 'id')
      await call(name, given[name] ?? (takesId ? { id } : {}))
    }
    const all = [...[...READING, ...WRITING].map(({ name }) => name), ...DOC_TOOLS]
    expect(offered.map(({ name }) => name).toSorted()).toEqual(all.toSorted())
    expect([...called].toSorted()).toEqual(all.toSorted())
    const { entries } = (await call('get-audit', { limit: 100 })) as { entries: { action: string; actor: string }[] }
    expect(new Set(entries.map(({ actor }) => actor))).toEqual(new Set(['mcp']))
    expect(entries.length).toBeGreaterThanOrEqual(12)
  })
})
