import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { initJobQueue, type JobQueue } from 'millrace'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Ended, run, start } from './support/command.ts'
import { temporaryFolder } from './support/folder.ts'
import { poll } from './support/poll.ts'

const url = process.env['MILLRACE_TEST_REDIS_URL'] ?? ''
/** Its own for each run: nobody deletes what is left, the server goes with the tests. */
const PREFIX = `cli-test-${process.pid}:`
const JOBS = fileURLToPath(new URL('programs/jobs.mjs', import.meta.url))

describe.skipIf(url === '')('on Redis', { timeout: 60_000 }, () => {
  let queue: JobQueue
  const cli = (...args: string[]): Promise<Ended> => run([...args, '--key-prefix', PREFIX], { env: { REDIS_URL: url } })
  const json = async (...args: string[]): Promise<unknown> => {
    const { code, stdout, stderr } = await cli(...args, '--json')
    expect([args, code, stderr.replaceAll(/^\[?millrace\]?.*\n/gm, '')]).toEqual([args, 0, ''])
    return JSON.parse(stdout)
  }

  beforeAll(async () => {
    queue = initJobQueue({ backend: 'redis', redisConfig: { url, keyPrefix: PREFIX }, listen: false })
    await queue.ready()
  })
  afterAll(async () => {
    await queue.close()
  })

  it('every command that looks answers, also as JSON', async () => {
    const failing = { doomed: () => Promise.reject(new Error('no luck')) }
    await queue.addJob({ jobType: 'doomed', payload: {}, maxAttempts: 1 })
    await queue.createProcessor(failing, { jobType: 'doomed', heartbeat: 'main' }).start()
    await queue.addCronJob({ scheduleName: 'nightly', cronExpression: '0 3 * * *', jobType: 'report', payload: {} })
    const id = String(await queue.addJob({ jobType: 'mail', payload: {}, group: { id: 'g' } }))
    const looks = [
      'ls',
      `inspect ${id}`,
      `explain ${id}`,
      `wf ${id}`,
      'dead ls',
      'errors',
      'queues',
      'cron ls',
      'workers',
      'stats',
    ]
    for (const words of [...looks, 'top --once --interval 10ms', 'migrate --check'].map((text) => text.split(' '))) {
      const [shown, told] = await Promise.all([cli(...words), json(...words)])
      expect([words, shown.code, shown.stdout.trim() === '']).toEqual([words, 0, false])
      expect(told).toEqual(expect.anything())
    }
    expect(await json('ls', '--type', 'mail')).toMatchObject([{ id: Number(id) }])
    await queue.cancelJob(Number(id))
  })

  it('jobs are added, changed, run and waited for', async () => {
    const id = (await cli('enqueue', 'greet', '{"name":"ada"}', '--in', '1h')).stdout.trim()
    expect(await json('edit', id, '--priority', '3')).toEqual([{ id: Number(id), result: 'changed' }])
    expect(await json('run-now', id)).toEqual([{ id: Number(id), result: 'changed' }])
    expect(await json('pause', '--type', 'greet', '--reason', 'later')).toMatchObject({ paused: true })
    expect((await cli('explain', id)).stdout).toContain('later')
    expect((await cli('resume', '--type', 'greet')).code).toBe(0)
    const worker = start(['worker', JOBS, '--json', '--key-prefix', PREFIX], { env: { REDIS_URL: url } })
    try {
      await poll(() => worker.text().includes('"started"'))
      expect(await cli('wait', id, '--timeout', '20s')).toMatchObject({
        code: 0,
        stdout: `${id} completed "hello ada"\n`,
      })
    } finally {
      worker.child.kill('SIGTERM')
    }
    expect((await worker.ended).code).toBe(0)
  })

  it('doctor looks at what Redis can tell', async () => {
    const { code, stdout } = await cli('doctor', '--json')
    const { checks } = JSON.parse(stdout) as { checks: { name: string; ok: boolean }[] }
    // As the server of the tests is.
    expect([code, checks.flatMap(({ ok, name }) => (ok ? [] : [name]))]).toEqual([1, ['persistence']])
    const names = checks.map(({ name }) => name)
    expect(names).toEqual(
      expect.arrayContaining(['connection', 'invariants', 'workers', 'schedules', 'connections', 'clocks']),
    )
    expect(names).not.toContain('missing indexes')
  })

  it.each([
    ['bench', 'FEATURE_UNSUPPORTED'],
    ['doctor --role app', 'FEATURE_UNSUPPORTED'],
    [`grants --role app --redis ${url}`, 'FEATURE_UNSUPPORTED'],
    [`ls --redis ${url} --database postgres://h/d`, 'CONFIG_INVALID'],
    [`ls --schema x`, 'CONFIG_INVALID'],
    ['ls --redis postgres://user:secret@h/d', 'CONFIG_INVALID'],
  ])('%s is refused with what to do instead', async (words, code) => {
    const ended = await cli(...words.split(' '))
    expect(ended).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(new RegExp(`^error ${code}: [^]*\n {2}do: `)),
    })
    expect(ended.stderr).not.toContain('secret')
  })

  it('DATABASE_URL comes before REDIS_URL, and both are found in .env', async () => {
    using folder = temporaryFolder()
    writeFileSync(join(folder.path, '.env'), `REDIS_URL=${url}\n`)
    const found = await run(['stats', '--json', '--key-prefix', PREFIX], { cwd: folder.path })
    expect([found.code, JSON.parse(found.stdout)]).toMatchObject([0, { byStatus: {} }])
    const both = { env: { DATABASE_URL: 'postgres:///x?host=/nonexistent' }, cwd: folder.path }
    expect(await run(['stats'], both)).toMatchObject({ code: 3, stderr: expect.stringContaining('STORE_UNAVAILABLE') })
    expect(await run(['stats', '--key-prefix', 'p:'], both)).toMatchObject({ code: 2 })
  })
})
