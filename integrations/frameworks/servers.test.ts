import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { initJobQueue } from 'millrace'
import type { JobQueue } from 'millrace'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { App } from './app.ts'

const serverUrl = process.env['MILLRACE_TEST_PG18_URL'] ?? ''
const apps = join(dirname(fileURLToPath(import.meta.url)), 'apps')

describe.skipIf(serverUrl === '').each(['fastify', 'express', 'hono', 'koa'])('an app of %s', (name) => {
  const schema = `app_${name}`
  const databaseUrl = `${serverUrl}${serverUrl.includes('?') ? '&' : '?'}search_path=${schema}`
  const started: App[] = []
  let queue: JobQueue

  const start = async (): Promise<App> => {
    const app = await App.start([process.execPath, join(apps, `${name}.mjs`)], {
      cwd: apps,
      env: { DATABASE_URL: databaseUrl, PORT: '0' },
    })
    started.push(app)
    return app
  }
  const statusOf = async (id: number): Promise<string | undefined> => (await queue.getJob(id))?.status

  beforeAll(async () => {
    const client = new pg.Client(serverUrl)
    await client.connect()
    await client.query(`drop schema if exists ${schema} cascade`)
    await client.end()
    queue = initJobQueue({ databaseConfig: { connectionString: databaseUrl, max: 2 }, listen: false })
    await queue.ready()
  })
  afterEach(() => Promise.all(started.splice(0).map((app) => app.stop('SIGKILL'))))
  afterAll(() => queue.close())

  test('adds a job in a request, runs it, and tells how it stands', async () => {
    const app = await start()
    const { id } = await app.json('/mails', { to: 'ada' })
    await vi.waitFor(async () => expect((await app.json(`/jobs/${id}`)).status).toBe('completed'), 10_000)
    expect(await app.json(`/jobs/${id}`)).toMatchObject({ id, jobType: 'mail', output: { to: 'ada' }, error: null })
    await expect(app.json('/jobs/999999999')).rejects.toThrow('404')
    await expect(app.json('/jobs/%27')).rejects.toThrow('404')
  })

  test('finishes what it runs at SIGTERM, and ends with 0', async () => {
    const app = await start()
    const { id } = await app.json('/mails', { to: 'bob', takesMs: 500 })
    await vi.waitFor(() => expect(app.output).toContain('started bob'), 10_000)
    expect(await app.stop('SIGTERM')).toBe(0)
    expect(app.output).toContain('sent bob')
    expect(await statusOf(id)).toBe('completed')
  })

  test('what it ran when it was killed runs in the other process, and the other loses nothing', async () => {
    const [killed, other] = [await start(), await start()]
    const ids = await Promise.all(
      Array.from({ length: 8 }, (_, n) => killed.json('/mails', { to: `c${n}`, takesMs: 300 })),
    )
    await vi.waitFor(() => expect(killed.output).toContain('started c'), 10_000)
    expect(await killed.stop('SIGKILL')).toBe('SIGKILL')
    // The lease of the dead would run out by itself, 30 s later.
    const pool = queue.getPool()
    await pool.query(`update ${schema}.workers set expires_at = clock_timestamp() where expires_at <
      (select max(expires_at) from ${schema}.workers)`)
    await vi.waitFor(
      async () => expect(new Set(await Promise.all(ids.map(({ id }) => statusOf(id))))).toEqual(new Set(['completed'])),
      30_000,
    )
    const jobs = await Promise.all(ids.map(({ id }) => queue.getJob(id)))
    const repeated = jobs.filter((job) => (job?.attempts ?? 0) > 1)
    expect(repeated.length).toBeGreaterThan(0)
    expect(repeated.every((job) => job?.attempts === 2)).toBe(true)
    expect(await other.stop('SIGTERM')).toBe(0)
  }, 60_000)
})
