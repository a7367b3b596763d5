import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { initJobQueue, type JobQueue } from 'millrace'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createProgram } from '../src/program.ts'
import { type Ended, run, type Running, start } from './support/command.ts'
import { poll } from './support/poll.ts'

const url = process.env['MILLRACE_TEST_PG18_URL'] ?? ''
const SCHEMA = 'cli_test'
const JOBS = fileURLToPath(new URL('programs/jobs.mjs', import.meta.url))
const TIME_LIMIT_MS = 60_000

describe('without a database', () => {
  it('what cannot be used exits with 2, and says what was meant', async () => {
    const [none, misspelt, value, payload, twice, redis] = await Promise.all([
      run([]),
      run(['inspekt', '1']),
      run(['ls', '--limit', 'many']),
      run(['enqueue', 'a', '{broken']),
      run(['ls', '--database', 'postgres://h/d', '--data', 'x']),
      run(['ls', '--database', 'redis://user:secret@h']),
    ])
    expect([none, misspelt, value, payload, twice, redis].map(({ code }) => code)).toEqual([2, 2, 2, 2, 2, 2])
    expect(misspelt.stderr).toContain('Did you mean inspect?')
    expect(payload.stderr).toMatch(/^error OPTION_INVALID: The payload is not JSON/)
    expect(redis.stderr).not.toContain('secret')
  })

  it('what cannot be reached exits with 3, and no embedded database is made by looking', async () => {
    const cwd = mkdtempSync(join(tmpdir(), 'millrace-cli-'))
    try {
      const [missing, unreachable] = await Promise.all([
        run(['ls', '--json'], { cwd }),
        run(['doctor', '--database', 'postgres:///x?host=/nonexistent'], { cwd }),
      ])
      expect([missing.code, unreachable.code]).toEqual([3, 3])
      expect(JSON.parse(missing.stderr)).toMatchObject({ error: { code: 'STORE_UNAVAILABLE' } })
      expect(unreachable.stderr).toMatch(/^error STORE_UNAVAILABLE: .*\n {2}why: .*\n {2}do: /)
      expect(readdirSync(cwd)).toEqual([])
    } finally {
      rmSync(cwd, { recursive: true })
    }
  })
})

describe('the guide', () => {
  it('names every command and every option', async () => {
    const guide = readFileSync(new URL('../../../docs/guides/cli.md', import.meta.url), 'utf8')
    const program = createProgram()
    const words = new Set(commandsOf(program).flatMap(({ path, command }) => [path, ...command.options.map(longName)]))
    const missing = [...words].filter((word) => !guide.includes(`\`${word}`))
    expect(missing).toEqual([])
    const help = await run(['--help'])
    const listed = [...help.stdout.matchAll(/^ {2}([a-z][a-z-]*) /gm)].map(([, name]) => name)
    expect(listed).toEqual([...program.commands.map((command) => command.name()), 'help'])
  })
})

function commandsOf(command: Command, path: string = ''): { readonly path: string; readonly command: Command }[] {
  const inner = command.commands.flatMap((child) => commandsOf(child, `${path} ${child.name()}`.trim()))
  return [{ path, command }, ...inner]
}

function longName({ long }: { readonly long?: string | null | undefined }): string {
  return long ?? ''
}

describe.skipIf(url === '')('on PostgreSQL', { timeout: TIME_LIMIT_MS }, () => {
  const admin = new pg.Pool({ connectionString: url, max: 2 })
  let queue: JobQueue
  const environment = { env: { DATABASE_URL: url } }
  const cli = (...args: string[]): Promise<Ended> => run([...args, '--schema', SCHEMA], environment)
  const begin = (...args: string[]): Running => start([...args, '--schema', SCHEMA], environment)
  const json = async (...args: string[]): Promise<unknown> => {
    const { stdout, stderr } = await cli(...args, '--json')
    expect(stderr).toBe('')
    return JSON.parse(stdout)
  }

  beforeAll(async () => {
    await admin.query(`drop schema if exists ${SCHEMA} cascade`)
    queue = initJobQueue({ databaseConfig: { connectionString: url, max: 2 }, schema: SCHEMA, listen: false })
  })
  afterAll(async () => {
    await queue.close()
    await admin.query(`drop schema if exists ${SCHEMA} cascade`)
    await admin.end()
  })

  it('migrate makes the schema, and nothing that looks does', async () => {
    const before = await cli('migrate', '--check')
    const looked = await cli('ls')
    const migrated = await cli('migrate')
    const after = await cli('migrate', '--check')
    expect([before.code, looked.code, migrated.code, after.code]).toEqual([1, 1, 0, 0])
    expect((await cli('migrate', '--dry-run')).stdout).toContain('up to date')
    const sql = await cli('migrate', '--sql')
    expect([sql.code, sql.stdout]).toEqual([
      0,
      expect.stringMatching(/^begin;[^]*create table "?\w+"?\.jobs [^]*commit;\n$/),
    ])
    const both = await cli('migrate', '--check', '--sql')
    expect([both.code, both.stderr]).toEqual([2, expect.stringContaining('--sql')])
    expect(looked.stderr).toMatch(/SCHEMA_MISSING[^]*millrace migrate/)
  })

  it('enqueue stores what its options say, ls finds it, inspect shows it without control characters', async () => {
    const options = [
      '--priority',
      '-7',
      '--max-attempts',
      '4',
      '--in',
      '2h',
      '--timeout',
      '90s',
      '--tag',
      'a,b',
      '--tag',
      'c',
    ]
    const more = ['--key', 'k1', '--group', 'g', '--tenant', 't', '--retry-delay', '5s', '--dead-letter', 'dead']
    const added = await cli('enqueue', 'mail', '{"to":"ada"}', ...options, ...more)
    const id = Number(added.stdout)
    const job = await queue.getJob(id)
    expect(job).toMatchObject({
      jobType: 'mail',
      payload: { to: 'ada' },
      priority: -7,
      maxAttempts: 4,
      timeoutMs: 90_000,
      tags: ['a', 'b', 'c'],
      idempotencyKey: 'k1',
      groupId: 'g',
      tenantId: 't',
      retryDelay: 5,
      deadLetterJobType: 'dead',
    })
    const delayMs = (job?.runAt.getTime() ?? 0) - Date.now()
    expect(delayMs).toBeGreaterThan(7_000_000)
    expect(delayMs).toBeLessThanOrEqual(7_200_000)

    const piped = await run(['enqueue', 'mail', '-', '--tag', 'a', '--schema', SCHEMA], {
      ...environment,
      input: JSON.stringify({ to: '\u001b[2Jeve\u202e' }),
    })
    const evil = Number(piped.stdout)
    expect(await json('ls', '--tag', 'a', '--status', 'pending')).toMatchObject([{ id: evil }, { id }])
    expect(await json('ls', '--tag', 'a', '--before', String(evil))).toMatchObject([{ id }])
    expect(await json('ls', '--type', 'mail', '--group', 'g')).toMatchObject([{ id }])
    expect(await json('ls', 'tag:a status:pending', 'created:>-1h', '--group', 'g')).toMatchObject([{ id }])
    const meaningless = await cli('ls', 'colour:red')
    expect([meaningless.code, meaningless.stderr]).toEqual([2, expect.stringContaining('it names one of status, is')])
    expect((await cli('ls', 'group:g', '--group', 'g')).code).toBe(2)

    const shown = await cli('inspect', String(evil))
    expect(shown.stdout).toMatch(/status +pending[^]*payload .*eve[^]*added/)
    // oxlint-disable-next-line no-control-regex
    expect(shown.stdout).not.toMatch(/[\u001b\u202e]/)
    expect(await json('inspect', String(id))).toMatchObject({
      job: { id },
      events: [{ eventType: 'added' }],
      steps: [],
    })
    expect((await cli('explain', String(id))).stdout).toMatch(/not due before[^]*No worker is running/)
    expect((await cli('explain', '999999')).code).toBe(1)
    expect(await cli('inspect', '999999')).toMatchObject({ code: 1, stderr: expect.stringContaining('JOB_NOT_FOUND') })
  })

  it('run-now, cancel and retry change jobs, and exit with 1 where they cannot', async () => {
    const id = await queue.addJob({ jobType: 'later', payload: {}, runAt: new Date(Date.now() + 3_600_000) })
    expect(await json('run-now', String(id))).toEqual([{ id, result: 'changed' }])
    expect((await queue.getJob(id))?.runAt.getTime()).toBeLessThanOrEqual(Date.now() + 1000)
    expect((await cli('cancel', String(id))).code).toBe(0)
    expect((await queue.getJob(id))?.status).toBe('cancelled')
    const again = await cli('cancel', String(id), '999999')
    expect(again).toMatchObject({ code: 1, stdout: expect.stringMatching(/not changed[^]*no such job/) })
    expect((await cli('retry', String(id))).code).toBe(0)
    expect((await queue.getJob(id))?.status).toBe('pending')
  })

  it('dead letters are listed, counted and redriven', async () => {
    const ids = await queue.addJobs([1, 2, 3].map((n) => ({ jobType: 'doomed', payload: { n }, maxAttempts: 1 })))
    const fail = { doomed: () => Promise.reject(new Error('no luck\u0007')) }
    await queue.createProcessor(fail, { jobType: 'doomed', heartbeat: 'main' }).start()
    const listed = await cli('dead', 'ls', '--type', 'doomed')
    expect(listed.stdout.match(/doomed +failed .*no luck$/gm)).toHaveLength(3)
    const inspected = await cli('inspect', String(ids[0]))
    expect(inspected.stdout).toMatch(/error \(attempt 1, handler_error/)

    const dry = await json('dead', 'redrive', '--type', 'doomed', '--limit', '2', '--dry-run')
    expect(dry).toEqual({ matching: 3, wouldRedrive: 2, byType: { doomed: 3 } })
    expect((await queue.getJob(ids[0] ?? 0))?.status).toBe('failed')
    expect(await json('dead', 'redrive', '--type', 'doomed', '--limit', '2')).toEqual({ ids: ids.slice(0, 2) })
    const ended = await cli('wait', String(ids[2]))
    expect(ended).toMatchObject({ code: 1, stdout: expect.stringContaining('failed no luck') })
    await cli('cancel', ...ids.map(String))
  })

  it('schedules are listed, paused, resumed, run and removed, by name or id', async () => {
    const schedule = { scheduleName: 'nightly', cronExpression: '0 3 * * *', jobType: 'report', payload: {} }
    const id = await queue.addCronJob(schedule)
    expect((await cli('cron', 'ls')).stdout).toMatch(/nightly +0 3 \* \* \* +UTC +report +active/)
    expect((await cli('cron', 'pause', 'nightly')).code).toBe(0)
    expect(await queue.getCronJob(id)).toMatchObject({ status: 'paused' })
    expect(await json('cron', 'resume', String(id))).toMatchObject({ id, status: 'active' })
    const jobId = Number((await cli('cron', 'run', 'nightly')).stdout)
    expect(await queue.getJob(jobId)).toMatchObject({
      jobType: 'report',
      schedule: { name: 'nightly', isManual: true },
    })
    expect((await cli('cron', 'rm', 'nightly')).code).toBe(0)
    expect(await queue.getCronJob(id)).toBeNull()
    expect((await cli('cron', 'rm', 'nightly')).code).toBe(2)
    await queue.cancelJob(jobId)
  })

  it('a worker runs jobs and lets those that run finish on SIGTERM, while tail and workers show it', async () => {
    const tail = begin('tail', '--interval', '100ms', '--json')
    const worker = begin('worker', JOBS, '--json')
    try {
      await poll(() => worker.text().includes('"started"'))
      expect(await json('workers')).toMatchObject([{ pid: worker.child.pid }])
      const id = Number((await cli('enqueue', 'greet', '{"name":"ada"}')).stdout)
      const waited = await cli('wait', String(id), '--timeout', '20s')
      expect(waited).toMatchObject({ code: 0, stdout: `${id} completed "hello ada"\n` })
      await poll(() => tail.text().includes(`"id":${id},`))

      const slow = await queue.addJob({ jobType: 'slow', payload: { ms: 1500 } })
      await poll(() => worker.text().includes(`"processing","jobId":${slow},`))
      const early = await cli('wait', String(slow), '--timeout', '1ms')
      expect(early.code).toBe(1)
      worker.child.kill('SIGTERM')
      const ended = await worker.ended
      expect(ended).toMatchObject({ code: 0, stderr: '' })
      expect(await queue.getJob(slow)).toMatchObject({ status: 'completed', output: 'finished', attempts: 1 })
      expect(await json('workers')).toEqual([])
    } finally {
      worker.child.kill('SIGKILL')
      tail.child.kill('SIGTERM')
    }
    expect((await tail.ended).code).toBe(0)
    expect((await cli('worker', 'no-such-module.mjs')).code).toBe(2)
  })

  it('doctor finds what is planted, and stats counts it', async () => {
    await queue.cancelAllUpcomingJobs()
    expect(await cli('doctor')).toMatchObject({ code: 0, stdout: expect.not.stringContaining('FINDING') })
    await queue.addJob({ jobType: 'lonely', payload: {} })
    const id = await queue.addCronJob({ scheduleName: 'late', cronExpression: '* * * * *', jobType: 'x', payload: {} })
    await admin.query(`update ${SCHEMA}.schedules set next_run_at = now() - interval '1 hour' where id = $1`, [id])
    const { code, stdout } = await cli('doctor', '--max-wait', '1ms', '--json')
    expect(code).toBe(1)
    const { checks } = JSON.parse(stdout) as { checks: { name: string; ok: boolean }[] }
    const findings = checks.filter(({ ok }) => !ok).map(({ name }) => name)
    expect(findings).toEqual(['workers', 'oldest ready job', 'schedules'])
    expect(await json('stats')).toMatchObject({ byStatus: { pending: 1 }, ready: 1, workers: 0 })
    await queue.removeCronJob(id)
  })

  it('grants prints statements that PostgreSQL takes', async () => {
    const { stdout } = await run(['grants', '--role', 'cli-app', '--schema', SCHEMA])
    const client = await admin.connect()
    try {
      await client.query('begin')
      await client.query('create role "cli-app"')
      await client.query(stdout)
      await client.query('set local role "cli-app"')
      expect((await client.query(`select 1 from ${SCHEMA}.schedules`)).rows).toEqual([])
    } finally {
      await client.query('rollback')
      client.release()
    }
  })
})
