import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { initJobQueue } from 'millrace'
import type { JobQueue } from 'millrace'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { App } from './app.ts'
import { expectMounted } from './mounted-dashboard.ts'
import { faultsOf, type Restart, runRestarts } from './restarts.ts'

const serverUrl = process.env['MILLRACE_TEST_PG18_URL'] ?? ''
const folder = join(dirname(fileURLToPath(import.meta.url)), 'next-app')
const next = createRequire(import.meta.url).resolve('next/dist/bin/next')
const schema = 'app_next'
const databaseUrl = `${serverUrl}${serverUrl.includes('?') ? '&' : '?'}search_path=${schema}`
const nestApp = join(folder, '../../nestjs/dist/app/mails.js')

/** How often an instance is ended; the full check does so more often. */
const RESTARTS = Number(process.env['MILLRACE_TEST_RESTARTS'] ?? 6)
const IN_TURN: readonly Restart[] = [
  { instance: 'nest 1', signal: 'SIGKILL' },
  { instance: 'next', signal: 'SIGTERM' },
  { instance: 'nest 2', signal: 'SIGTERM' },
  { instance: 'next', signal: 'SIGKILL' },
  { instance: 'nest 1', signal: 'SIGTERM' },
  { instance: 'nest 2', signal: 'SIGKILL' },
]
const env = { DATABASE_URL: databaseUrl, NEXT_TELEMETRY_DISABLED: '1', CRON_SECRET: 'open sesame' }

describe.skipIf(serverUrl === '')('an app of Next', () => {
  const started: App[] = []
  let queue: JobQueue
  let workedInBuild = true

  const start = async (more: Record<string, string> = {}): Promise<App> => {
    const port = await freePort()
    const app = await App.start([process.execPath, next, 'start', '-H', '127.0.0.1', '-p', String(port)], {
      cwd: folder,
      env: { ...env, NEXT_MANUAL_SIG_HANDLE: 'true', ...more },
    })
    started.push(app)
    await vi.waitFor(() => fetch(`http://127.0.0.1:${port}/`), 30_000)
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
    await promisify(execFile)(process.execPath, [next, 'build'], { cwd: folder, env: { ...process.env, ...env } })
    workedInBuild = (await queue.getWorkers()).length > 0
  }, 400_000)
  afterEach(() => Promise.all(started.splice(0).map((app) => app.stop('SIGKILL'))))
  afterAll(() => queue.close())

  test('does not work while it is built', () => {
    expect(workedInBuild).toBe(false)
  })

  test('2c 9: adds in a route, works in the background, and finishes what it runs at SIGTERM', async () => {
    const app = await start()
    const { id } = await app.json('/api/mails', { to: 'ada' })
    await vi.waitFor(async () => expect(await statusOf(id)).toBe('completed'), 15_000)
    expect(await app.json(`/api/jobs/status?id=${id}`)).toMatchObject({
      id,
      status: 'completed',
      output: { to: 'ada' },
    })
    const { id: slow } = await app.json('/api/mails', { to: 'bob', takesMs: 700 })
    await vi.waitFor(() => expect(app.output).toContain('started bob'), 15_000)
    expect(await app.stop('SIGTERM')).toBe(0)
    expect(await statusOf(slow)).toBe('completed')
    expect(app.output).not.toContain('MILLRACE_NEXT')
  }, 60_000)

  test('under `next dev`, edited handlers and new job types run without a restart', async () => {
    const copy = join(folder, '../dist/next-dev')
    await rm(copy, { recursive: true, force: true })
    await cp(folder, copy, { recursive: true, filter: (path) => !path.includes('.next') })
    const port = await freePort()
    const app = await App.start([process.execPath, next, 'dev', '-H', '127.0.0.1', '-p', String(port)], {
      cwd: copy,
      env: { ...env, NEXT_MANUAL_SIG_HANDLE: 'true' },
    })
    started.push(app)
    const sends = (line: string): Promise<void> =>
      vi.waitFor(
        async () => {
          await app.json('/api/mails', { to: 'ada' })
          expect(app.output).toMatch(new RegExp(`^ *${line} ada$`, 'm'))
        },
        { timeout: 60_000, interval: 300 },
      )
    await sends('sent')
    const file = join(copy, 'lib/jobs.ts')
    const text = (await readFile(file, 'utf8')).replace('sent ${to}', 'posted ${to}')
    await writeFile(
      file,
      text.replace('liveHandlers({', 'liveHandlers({\n  late: async () => console.log("late ada"),'),
    )
    await sends('posted')
    await queue.addJob({ jobType: 'late', payload: {} })
    await vi.waitFor(() => expect(app.output).toMatch(/^ *late ada$/m), 15_000)
    expect(await app.stop('SIGTERM')).toBe(0)
  }, 120_000)

  test('says what is wrong where Next handles the signals', async () => {
    const app = await start({ NEXT_MANUAL_SIG_HANDLE: '' })
    await vi.waitFor(() => expect(app.output).toContain('NEXT_MANUAL_SIG_HANDLE=true'), 15_000)
  }, 60_000)

  test('2c 10: works for a request of the scheduler, and for nobody else', async () => {
    const app = await start({ WORK: 'off' })
    const ids = await Promise.all(Array.from({ length: 25 }, (_, n) => app.json('/api/mails', { to: `c${n}` })))
    expect((await fetch(`${app.url}/api/jobs/run`)).status).toBe(401)
    const worked = await fetch(`${app.url}/api/jobs/run`, { headers: { authorization: 'Bearer open sesame' } })
    expect(await worked.json()).toEqual({ processed: 25, isDone: true })
    expect(new Set(await Promise.all(ids.map(({ id }) => statusOf(id))))).toEqual(new Set(['completed']))
  }, 60_000)

  test('has the dashboard at two paths: the page, its files, reads, pushes and changes', async () => {
    const { url } = await start({ WORK: 'off' })
    for (const base of ['/admin/jobs', '/q']) await expect(expectMounted({ url, base, queue })).resolves.toBeUndefined()
  }, 60_000)

  test(
    `beside two instances of Nest, stopped and killed ${RESTARTS} times in turn: nothing is lost, and nobody loses what it runs`,
    async () => {
      const lease = { LEASE_MS: '2000' }
      const startNest = async (): Promise<App> => {
        const options = { cwd: folder, env: { ...env, ...lease }, ready: /^working$/m }
        const app = await App.start([process.execPath, nestApp], options)
        started.push(app)
        return app
      }
      const restarts = Array.from({ length: RESTARTS }, (_, n) => IN_TURN[n % IN_TURN.length]).filter(
        (one) => one !== undefined,
      )
      const instances = { next: () => start(lease), 'nest 1': startNest, 'nest 2': startNest }
      const history = await runRestarts({ queue, instances, restarts })
      expect(faultsOf(history)).toEqual([])
      // Else nothing was tried: each instance did run jobs, and was killed in the middle of some.
      const sent = history.lives.filter(({ output }) => /^ *sent /m.test(output)).map(({ instance }) => instance)
      expect(new Set(sent)).toEqual(new Set(Object.keys(instances)))
      expect(history.jobs.some(({ events }) => events.some(({ eventType }) => eventType === 'reclaimed'))).toBe(true)
      expect(await queue.checkInvariants()).toEqual([])
    },
    60_000 + RESTARTS * 10_000,
  )
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
