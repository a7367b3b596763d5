import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, loadavg } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, describe, expect, it } from 'vitest'
import { run, start } from './support/command.ts'
import { temporaryFolder } from './support/folder.ts'
import { poll } from './support/poll.ts'
import { Terminal } from './support/terminal.ts'

const TIME_LIMIT_MS = 90_000
const url = process.env['MILLRACE_TEST_PG18_URL'] ?? ''
const redisUrl = process.env['MILLRACE_TEST_REDIS_URL'] ?? ''
const SCHEMA = 'cli_dev_test'
/** 20 seconds of a machine of its own; where others work as well, their share is taken off. */
const PROMISED_MS = 20_000 * Math.max(1, (loadavg()[0] ?? 1) / availableParallelism())
const GREETING = /greet +completed/

describe('init', () => {
  it('writes what a program begins with, once, and leaves what is there', async () => {
    using folder = temporaryFolder()
    const first = await run(['init', '--no-install', '--json'], { cwd: folder.path })
    expect(JSON.parse(first.stdout)).toMatchObject({
      module: 'jobs.ts',
      installed: false,
      files: ['package.json', 'jobs.ts', '.env.example', '.gitignore'].map((path) => ({ path, result: 'created' })),
    })
    const module = join(folder.path, 'jobs.ts')
    writeFileSync(module, '// mine\n')
    writeFileSync(join(folder.path, '.gitignore'), 'node_modules/\n.env')
    const again = await run(['init', '--no-install', '--json'], { cwd: folder.path })
    const results = ['kept', 'kept', 'kept', 'extended']
    expect((JSON.parse(again.stdout) as { files: unknown }).files).toMatchObject(results.map((result) => ({ result })))
    expect(readFileSync(module, 'utf8')).toBe('// mine\n')
    expect(readFileSync(join(folder.path, '.gitignore'), 'utf8')).toBe('node_modules/\n.env\n.millrace\n')

    const forced = await run(['init', '--no-install', '--force'], { cwd: folder.path })
    expect(forced.stdout).toMatch(/kept +package\.json\nreplaced jobs\.ts[^]*Next:[^]*millrace dev/)
    expect(readFileSync(module, 'utf8')).toContain('defineJobs')
    expect(readdirSync(folder.path).toSorted()).toEqual(['.env.example', '.gitignore', 'jobs.ts', 'package.json'])
  })

  it('fits a project that is there: its kind of module, its package manager, what it lacks', async () => {
    using folder = temporaryFolder()
    writeFileSync(join(folder.path, 'package.json'), '{"dependencies":{"millrace":"^0.1.0"}}')
    writeFileSync(join(folder.path, 'pnpm-lock.yaml'), '')
    const { stdout } = await run(['init', '--no-install'], { cwd: folder.path })
    expect(stdout).toMatch(/created +jobs\.mjs[^]*pnpm add -D @millrace\/cli/)
    expect(stdout).not.toContain('pnpm add millrace')
    writeFileSync(join(folder.path, 'package.json'), '{')
    const broken = await run(['init', '--no-install'], { cwd: folder.path })
    expect(broken).toMatchObject({ code: 2, stderr: expect.stringMatching(/package\.json here is not JSON[^]*do: /) })
  })
})

describe('dev', { timeout: TIME_LIMIT_MS }, () => {
  afterAll(async () => {
    if (url === '') return
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    await client.query(`drop schema if exists ${SCHEMA} cascade`)
    await client.end()
  })

  it('goes from an empty folder to a finished job and a dashboard, reloads, and leaves by Ctrl-C', async () => {
    using folder = temporaryFolder({ withPackages: true })
    const begunAt = performance.now()
    await using terminal = await Terminal.open(['dev', '--no-install', '--port', '0'], { cwd: folder.path })
    const text = await terminal.shows(GREETING, 60_000)
    const tookMs = performance.now() - begunAt
    expect(text).toMatch(/created +jobs\.ts[^]*dashboard +http[^]*\.millrace \(embedded\)[^]*Hello, Ada/)
    expect(tookMs).toBeLessThan(PROMISED_MS)

    const [dashboard = ''] = /http:\/\/\S+/.exec(text) ?? []
    const page = await fetch(dashboard, { headers: { accept: 'text/html' } })
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('<html')])

    const module = join(folder.path, 'jobs.ts')
    const source = readFileSync(module, 'utf8')
    writeFileSync(module, 'export const = 1\n')
    await terminal.shows(/changed: jobs\.ts[^]*cannot be loaded[^]*waiting for a change/)
    writeFileSync(module, source.replace('Hello,', 'Goodbye,'))
    await terminal.shows(/waiting for a change[^]*working on greet/)
    const added = await run(['enqueue', 'greet', '{"name":"Eve"}'], { cwd: folder.path })
    expect(added).toMatchObject({ code: 0, stderr: '' })
    await terminal.shows(/Goodbye, Eve[^]*completed/)

    await terminal.send('C-c')
    expect(await terminal.exitCode()).toBe(0)
    await expect(fetch(dashboard)).rejects.toThrow('fetch failed')
  })

  it.skipIf(url === '')(
    'lets nothing outlive it, even if it is killed; starts a worker that crashes again',
    async () => {
      using folder = temporaryFolder({ withPackages: true })
      const source = `import { anyPayload, defineJobs } from 'millrace'
      process.stdout.write('pid ' + process.pid + '\\n')
      export const jobs = defineJobs({ die: { payload: anyPayload(), handler: () => process.exit(3) } })`
      writeFileSync(join(folder.path, 'jobs.mjs'), source)
      writeFileSync(join(folder.path, 'package.json'), '{}')
      // As people keep it; and no embedded database is made then.
      writeFileSync(join(folder.path, '.env'), `DATABASE_URL=${url}\n`)
      const dev = start(['dev', '--json', '--port', '0', '--schema', SCHEMA], { cwd: folder.path })
      const pids = (): number[] => [...dev.text().matchAll(/pid (\d+)/g)].map(([, pid]) => Number(pid))
      try {
        await poll(() => dev.text().includes('"started"'), { within: 40_000 })
        const added = await run(['enqueue', 'die', '--max-attempts', '1', '--schema', SCHEMA], { cwd: folder.path })
        expect(added.stderr).toBe('')
        await poll(() => dev.text().includes('"crashed","reason":"exit code 3"') && pids().length === 2, {
          within: 40_000,
        })
      } finally {
        dev.child.kill('SIGKILL')
      }
      await dev.ended
      await poll(() => pids().every((pid) => !isAlive(pid)))
      expect(readdirSync(folder.path)).not.toContain('.millrace')
    },
  )

  it.skipIf(redisUrl === '')('works on Redis as well, and makes no embedded database', async () => {
    using folder = temporaryFolder({ withPackages: true })
    writeFileSync(join(folder.path, '.env'), `REDIS_URL=${redisUrl}\n`)
    const args = ['dev', '--no-install', '--port', '0', '--key-prefix', `cli-dev-${process.pid}:`]
    await using terminal = await Terminal.open(args, { cwd: folder.path, columns: 160 })
    const text = await terminal.shows(GREETING, 60_000)
    expect(text).toMatch(/database +127\.0\.0\.1:\d+ \(Redis, cli-dev-[^]*Hello, Ada/)
    const [dashboard = ''] = /http:\/\/\S+/.exec(text) ?? []
    const jobs = await fetch(new URL('api/jobs', dashboard))
    expect(await jobs.json()).toMatchObject({ jobs: [{ jobType: 'greet', status: 'completed' }] })
    const module = join(folder.path, 'jobs.ts')
    writeFileSync(module, readFileSync(module, 'utf8').replace('Hello,', 'Goodbye,'))
    await terminal.shows(/changed: jobs\.ts[^]*working on greet/)
    const place = ['--key-prefix', `cli-dev-${process.pid}:`]
    expect(await run(['enqueue', 'greet', '{"name":"Eve"}', ...place], { cwd: folder.path })).toMatchObject({ code: 0 })
    await terminal.shows(/Goodbye, Eve[^]*completed/)
    await terminal.send('C-c')
    expect(await terminal.exitCode()).toBe(0)
    expect(readdirSync(folder.path)).not.toContain('.millrace')
  })

  it('says what to do where there is nothing to run', async () => {
    using folder = temporaryFolder()
    writeFileSync(join(folder.path, 'package.json'), '{}')
    const { code, stderr } = await run(['dev'], { cwd: folder.path })
    expect([code, stderr]).toEqual([2, expect.stringMatching(/no module with jobs here[^]*do: .*millrace init/)])
    expect(readdirSync(folder.path)).toEqual(['package.json'])
  })
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
