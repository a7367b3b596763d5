import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { initJobQueue, type JobQueue } from 'millrace'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
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
    const before = await cli('migrate', '--check')
    const looked = await cli('ls')
    const migrated = await cli('migrate')
    const after = await cli('migrate', '--check')
    // Here, because everything else needs the schema: it is made by `migrate`, and by nothing that looks.
    expect([before.code, looked.code, migrated.code, after.code]).toEqual([1, 1, 0, 0])
    expect(looked.stderr).toMatch(/SCHEMA_MISSING[^]*millrace migrate/)
    queue = initJobQueue({ databaseConfig: { connectionString: url, max: 2 }, schema: SCHEMA, listen: false })
  }, TIME_LIMIT_MS)
  afterAll(async () => {
    await queue.close()
    await admin.query(`drop schema if exists ${SCHEMA} cascade`)
    await admin.end()
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
      ...{ jobType: 'mail', payload: { to: 'ada' }, priority: -7, maxAttempts: 4, timeoutMs: 90_000 },
      ...{ tags: ['a', 'b', 'c'], idempotencyKey: 'k1', groupId: 'g', tenantId: 't' },
      ...{ retryDelay: 5, deadLetterJobType: 'dead' },
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

    const shown = await cli('inspect', String(evil))
    expect(shown.stdout).toMatch(/status +pending[^]*payload .*eve[^]*added/)
    // oxlint-disable-next-line no-control-regex
    expect(shown.stdout).not.toMatch(/[\u001b\u202e]/)
    expect(await json('inspect', String(id))).toMatchObject({
      job: { id },
      events: [{ eventType: 'added' }],
      steps: [],
    })
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
})
