import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { initJobQueue, type JobContext, type JobQueue } from 'millrace'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createProgram } from '../src/program.ts'
import { type Ended, run } from './support/command.ts'
import { temporaryFolder } from './support/folder.ts'
import { poll } from './support/poll.ts'
import { Terminal } from './support/terminal.ts'

const url = process.env['MILLRACE_TEST_PG18_URL'] ?? ''
const SCHEMA = 'cli_terminal_test'
const TIME_LIMIT_MS = 90_000

describe.skipIf(url === '')('in a terminal', { timeout: TIME_LIMIT_MS }, () => {
  const admin = new pg.Pool({ connectionString: url, max: 2 })
  let queue: JobQueue
  let ids: { readonly failed: number; readonly flow: number; readonly pending: number; readonly completed: number }
  const env = { DATABASE_URL: url }
  const cli = (...args: string[]): Promise<Ended> => run([...args, '--schema', SCHEMA], { env })
  const open = (args: readonly string[], size: { columns?: number; rows?: number } = {}): Promise<Terminal> =>
    Terminal.open([...args, '--schema', SCHEMA], { env, ...size })
  const json = async (...args: string[]): Promise<unknown> => {
    const { stdout, stderr } = await cli(...args, '--json')
    expect(stderr).toBe('')
    return JSON.parse(stdout)
  }

  beforeAll(async () => {
    await admin.query(`drop schema if exists ${SCHEMA} cascade`)
    queue = initJobQueue({ databaseConfig: { connectionString: url, max: 3 }, schema: SCHEMA, listen: false })
    const boom = (): never => {
      throw new Error('no space left on device 7')
    }
    const [failed = 0] = await queue.addJobs([1, 2].map((n) => ({ jobType: 'boom', payload: { n }, maxAttempts: 1 })))
    const completed = await queue.addJob({ jobType: 'fine', payload: {} })
    await queue.createProcessor({ boom, fine: () => 'done' }, { heartbeat: 'main' }).start()
    const flow = await queue.addFlow({
      fetch: { jobType: 'fetch', payload: {} },
      left: { jobType: 'left', payload: {}, dependsOn: { nodes: ['fetch'] } },
      right: { jobType: 'right', payload: {}, dependsOn: { nodes: ['fetch'] } },
      merge: { jobType: 'merge', payload: {}, dependsOn: { nodes: ['left', 'right'] } },
    })
    const pending = await queue.addJob({ jobType: 'mail', payload: {}, queue: 'outbox', priority: -5 })
    await queue.addCronJob({ scheduleName: 'nightly', cronExpression: '0 3 * * *', jobType: 'report', payload: {} })
    ids = { failed, completed, flow: flow.fetch, pending }
  })
  afterAll(async () => {
    await queue.close()
    await admin.query(`drop schema if exists ${SCHEMA} cascade`)
    await admin.end()
  })

  it('every command that looks answers in colours, piped without, and as JSON', async () => {
    const { failed, flow, completed } = ids
    const looks = [
      'ls',
      `inspect ${failed}`,
      `explain ${flow}`,
      `wf ${flow}`,
      `wait ${completed}`,
      'dead ls',
      'errors',
      'queues',
      'cron ls',
      'workers',
      'stats',
      'top --once --interval 100ms',
      'migrate --check',
    ].map((text) => text.split(' '))
    const coloured: string[] = []
    for (const words of looks) {
      await using terminal = await open(words)
      expect([words, await terminal.exitCode()]).toEqual([words, 0])
      const text = await terminal.screen({ colours: true })
      expect(text.trim()).not.toBe('')
      if (text.includes('\u001b[')) coloured.push(words[0] ?? '')
      const [piped, asJson] = await Promise.all([cli(...words), cli(...words, '--json')])
      expect(piped.stdout).not.toContain('\u001b')
      expect([asJson.stderr, typeof JSON.parse(asJson.stdout)]).toEqual(['', 'object'])
    }
    // A sentence, and an empty list.
    const plain = new Set(['explain', 'migrate', 'workers'])
    expect(new Set(coloured)).toEqual(new Set(looks.flatMap(([name = '']) => (plain.has(name) ? [] : [name]))))
  })

  it('NO_COLOR and a dumb terminal are taken at their word', async () => {
    const settings = [{ env: { ...env, NO_COLOR: '1' } }, { env, kind: 'dumb' }]
    for (const setting of settings) {
      await using terminal = await Terminal.open(['stats', '--schema', SCHEMA], setting)
      await terminal.exitCode()
      const text = await terminal.screen({ colours: true })
      expect(text).toContain('pending')
      expect(text).not.toContain('\u001b[')
    }
  })

  it('a narrow terminal shows a job in a line, and breaks sentences between words', async () => {
    await using list = await open(['ls'], { columns: 40 })
    await list.exitCode()
    const lines = (await list.screen()).trimEnd().split('\n')
    const { stdout } = await cli('ls')
    const rows = stdout.trimEnd().split('\n')
    expect(lines).toEqual(rows.map((row) => row.slice(0, 40).trimEnd()))
    await using doctor = await open(['doctor', '--max-wait', '1h'], { columns: 40, rows: 80 })
    await doctor.exitCode()
    const shown = (await doctor.screen()).trimEnd()
    expect(shown).toMatch(/^FINDING +workers\n {2}none is alive; jobs that are ready: \d+$/m)
    expect(shown.replaceAll(/\s+/g, ' ')).toContain(
      (await cli('doctor', '--max-wait', '1h')).stdout.split('\n').at(-2) ?? '-',
    )
  })

  it('wf draws who waits for whom, each job in full once', async () => {
    const { stdout } = await cli('wf', String(ids.flow + 1))
    const [first, ...rest] = [ids.flow, ids.flow + 1, ids.flow + 3, ids.flow + 2, ids.flow + 3]
    const [left, merge, right, again] = rest
    expect(stdout).toBe(
      `${first} fetch pending\n` +
        `├─ ${left} left pending\n` +
        `│  └─ ${merge} merge pending (also waits for ${right})\n` +
        `└─ ${right} right pending\n` +
        `   └─ ${again} merge (above)\n`,
    )
    expect(await cli('wf', '999999')).toMatchObject({ code: 1, stderr: expect.stringContaining('JOB_NOT_FOUND') })
  })

  it('errors groups failures by their cause, and shows one by the beginning of its fingerprint', async () => {
    const { groups } = (await json('errors')) as { groups: { fingerprint: string; count: number; final: number }[] }
    expect(groups).toMatchObject([{ jobType: 'boom', count: 2, final: 2, name: 'Error' }])
    const cause = groups[0]?.fingerprint.slice(0, 6) ?? ''
    const shown = await cli('errors', cause)
    expect(shown.stdout).toMatch(
      /error +Error: no space left[^]*place +.*terminal\.test\.ts[^]*next +millrace retry \d+ \d+\n/,
    )
    expect((await cli('errors', 'zz')).code).toBe(2)
    expect((await cli('errors', '0123456789abcdef')).stderr).toMatch(
      /No failure that was read[^]*do: +.*millrace errors/,
    )
  })

  it('pause keeps jobs from starting until resume, and says so wherever one looks', async () => {
    expect((await cli('pause')).code).toBe(2)
    expect(await json('pause', '--queue', 'outbox', '--reason', 'relay is down', '--for', '1h')).toMatchObject({
      scope: { queue: 'outbox' },
      paused: true,
    })
    expect((await cli('explain', String(ids.pending))).stdout).toMatch(/paused[^]*relay is down/)
    expect((await cli('queues')).stdout).toMatch(/queue +outbox[^]*PAUSED[^]*queue outbox +.*relay is down/)
    expect((await cli('resume', '--queue', 'outbox')).code).toBe(0)
    expect(await cli('resume', '--queue', 'outbox')).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('not paused'),
    })
  })

  it('edit and reschedule change jobs that have not started, and nothing else', async () => {
    const id = String(ids.pending)
    const edited = [
      '--payload',
      '{"to":"ada"}',
      '--priority',
      '7',
      '--timeout',
      '5s',
      '--tag',
      'a,b',
      '--max-attempts',
      '9',
    ]
    expect(await json('edit', id, ...edited)).toEqual([{ id: ids.pending, result: 'changed' }])
    expect(await queue.getJob(ids.pending)).toMatchObject({
      payload: { to: 'ada' },
      priority: 7,
      timeoutMs: 5000,
      tags: ['a', 'b'],
      maxAttempts: 9,
    })
    expect((await cli('reschedule', id, '--at', '2030-01-02T03:04:05Z')).stdout).toContain(
      'due at 2030-01-02T03:04:05Z',
    )
    expect((await queue.getJob(ids.pending))?.runAt.toISOString()).toBe('2030-01-02T03:04:05.000Z')
    const [unsaid, both, ended] = await Promise.all([
      cli('edit', id),
      cli('reschedule', id, '--in', '1m', '--at', '2030-01-01'),
      cli('edit', String(ids.completed), '--priority', '1'),
    ])
    expect([unsaid.code, both.code, ended.code]).toEqual([2, 2, 1])
  })

  it('prune deletes what is old and has ended as named, and asks what is meant', async () => {
    // An attempt that fails leaves a trail.
    const id = await queue.addJob({ jobType: 'old', payload: {}, retryDelay: 0, retryBackoff: false })
    const old = ({ kept }: { kept?: true }, _signal: AbortSignal, { attempt }: JobContext): void => {
      if (kept && attempt === 1) throw new Error('not yet')
    }
    const kept = await queue.addJob({ jobType: 'old', payload: { kept: true }, retryDelay: 0, retryBackoff: false })
    const processor = queue.createProcessor({ old: old as never }, { jobType: 'old', heartbeat: 'main' })
    await poll(async () => (await processor.start()) === 0 && (await queue.getJob(kept))?.status === 'completed')
    await admin.query(`update ${SCHEMA}.finished_jobs set finished_at = now() - interval '40 days' where id = $1`, [id])
    expect((await cli('prune')).code).toBe(2)
    expect(await json('prune', '--completed', '30d')).toEqual({ jobs: 1, events: 0 })
    expect([await queue.getJob(id), (await queue.getJob(ids.completed))?.status]).toEqual([null, 'completed'])
    const cancelled = await queue.addJob({ jobType: 'old', payload: {} })
    await queue.cancelJob(cancelled)
    await admin.query(`update ${SCHEMA}.failed_jobs set finished_at = now() - interval '40 days' where id = $1`, [
      cancelled,
    ])
    expect(await json('prune', '--failed', '30d')).toEqual({ jobs: 0, events: 0 })
    expect((await cli('prune', '--cancelled', '30d')).stdout).toMatch(/^deleted 1 jobs that were cancelled more than /)
    expect(await queue.getJob(cancelled)).toBeNull()
    expect((await cli('prune', '--history', '0s')).stdout).toMatch(/forgot [1-9]\d* events/)
    expect((await queue.getJob(kept))?.status).toBe('completed')
  })

  it('top shows what happens, fits any size, and gives the terminal back', async () => {
    let finish = (): void => {}
    const gate = new Promise<void>((resolve) => (finish = resolve))
    const processor = queue.createProcessor(
      { long: () => gate },
      { jobType: 'long', heartbeat: 'main', pollInterval: 50 },
    )
    processor.startInBackground()
    await using terminal = await open(['top', '--interval', '100ms'], { columns: 100, rows: 30 })
    try {
      await terminal.shows(/millrace +.*cli_terminal_test[^]*ready[^]*ended\/s/)
      const id = await queue.addJob({ jobType: 'long', payload: {} })
      await terminal.shows(new RegExp(`RUNNING +TYPE[^]*${id} +long +[^]*WORKER +HOST[^]*FAILED +JOB[^]*no space left`))
      await terminal.resize(60, 9)
      // Until it has drawn anew, what is left of the larger screen is there.
      const small = new RegExp(`ready[^]*RUNNING[^]*${id} +long`)
      await poll(async () => {
        const text = (await terminal.screen()).trimEnd()
        const lines = text.split('\n')
        return lines.length === 9 && lines.every((line) => line.length <= 60) && small.test(text)
      })
      await terminal.send('x')
      finish()
      await poll(async () => !/^RUNNING/m.test(await terminal.screen()))
      await terminal.send('q')
      expect(await terminal.exitCode()).toBe(0)
      expect(await terminal.screen()).not.toContain('ended/s')
    } finally {
      finish()
      await processor.stopAndDrain()
    }
    const frame = await cli('top', '--once', '--interval', '10ms')
    expect(frame.stdout).toMatch(/^millrace[^]*ended\/s \d/)
    expect(await json('top', '--once', '--interval', '10ms')).toMatchObject({
      figures: { failed: { count: 2 } },
      running: [],
    })
  })
})

describe('completion', () => {
  it('completes commands, inner commands, options and values in bash', async () => {
    const words = async (...typed: string[]): Promise<string[]> => {
      const { stdout: script } = await run(['completion', 'bash'])
      const ask = `${script}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _millrace; printf '%s\\n' "\${COMPREPLY[@]}"`
      return execFileSync('bash', ['-c', ask, 'bash', 'millrace', ...typed], { encoding: 'utf8' })
        .trim()
        .split('\n')
    }
    expect(await words('expl')).toEqual(['explain'])
    expect(await words('dead', '')).toEqual(expect.arrayContaining(['ls', 'redrive']))
    expect(await words('--json', 'dead', 'redrive', '--dry')).toEqual(['--dry-run'])
    expect(await words('ls', '--status', 'f')).toEqual(['failed'])
    const names = createProgram().commands.map((command) => command.name())
    expect((await words('')).filter((word) => !word.startsWith('-'))).toEqual(names)
  })

  it.each(['zsh', 'fish'])('the script for %s is one that it reads', async (shell) => {
    const { stdout } = await run(['completion', shell])
    for (const command of createProgram().commands) expect(stdout).toContain(command.name())
    using folder = temporaryFolder()
    const file = join(folder.path, 'completion')
    writeFileSync(file, stdout)
    const { error, status, stderr } = spawnSync(shell, ['-n', file], { encoding: 'utf8' })
    // A machine without that shell cannot tell.
    expect(error === undefined ? [status, stderr] : [0, '']).toEqual([0, ''])
  })
})
