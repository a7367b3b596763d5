import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fatal, initJobQueue, type JobHandler, type JobQueue } from 'millrace'
import { describe, expect, it } from 'vitest'
import { endAfterTest, freshPrefix, openQueue } from './support/queues.ts'

const redisUrl = process.env['MILLRACE_TEST_REDIS_URL']
const postgresUrl = process.env['MILLRACE_TEST_PG18_URL']

describe.skipIf(redisUrl === undefined)('moving between stores', () => {
  const redis = (): JobQueue => openQueue(redisUrl ?? '', freshPrefix())
  const embedded = (): JobQueue => {
    const dataDir = mkdtempSync(join(tmpdir(), 'millrace-moving-'))
    const queue = initJobQueue({ backend: 'pglite', dataDir })
    endAfterTest(async () => {
      await queue.close()
      rmSync(dataDir, { recursive: true })
    })
    return queue
  }

  it.skipIf(postgresUrl === undefined)(
    'carries everything from PostgreSQL to Redis to PGlite unaltered, under the ids it had, and all of it runs',
    async () => {
      const schema = `moving_${freshPrefix().slice(5, -1)}`
      const first = initJobQueue({ databaseConfig: { connectionString: postgresUrl }, schema })
      endAfterTest(async () => {
        await first.getPool().query(`drop schema "${schema}" cascade`)
        await first.close()
      })
      const ids = await fill(first)
      const before = await Promise.all(ids.map((id) => first.getJob(id)))
      const [second, third] = [redis(), embedded()]

      const [one, sent] = keeping(first.exportLines({ ended: true }))
      const arrived = await second.importLines(one)
      expect(arrived).toMatchObject({ knownJobs: 0, keysTaken: 0, keptIds: true, schedules: 2, pauses: 1, tokens: 1 })
      const [two, through] = keeping(second.exportLines({ ended: true }))
      expect(await third.importLines(two)).toEqual({ ...arrived, instance: expect.any(String) })
      const [three, last] = keeping(third.exportLines({ ended: true }))
      for await (const _line of three);
      expect(plain(through)).toEqual(plain(sent))
      expect(plain(last)).toEqual(plain(sent))
      expect(await Promise.all(ids.map((id) => third.getJob(id)))).toEqual(before)

      await third.resume({})
      await third.resume({ jobType: 'held' })
      // Not: what sleeps, waits for a token, is not due, or waits for what is not due.
      const ran = await finish(third)
      expect(ran.toSorted((a, b) => a - b)).toEqual([5, 7, 8, 9, 10, 11, 14].map((at) => ids[at]))
    },
    60_000,
  )

  it('goes on where it was broken off, and makes nothing twice', async () => {
    const [from, to] = [redis(), redis()]
    await from.addJobs(Array.from({ length: 1200 }, (_, n) => ({ jobType: 'work', payload: { n } })))
    const lines: string[] = []
    for await (const line of from.exportLines()) lines.push(line)
    await expect(to.importLines(lines.slice(0, 700))).rejects.toMatchObject({ code: 'IMPORT_REFUSED' })
    expect((await to.getPauses()).map(({ by }) => by)).toEqual(['millrace import'])
    expect(await to.importLines(lines)).toMatchObject({ jobs: 1200, knownJobs: 500 })
    // In pieces as a file is read.
    const bytes = new TextEncoder().encode(lines.join(''))
    const pieces = Array.from({ length: Math.ceil(bytes.length / 997) }, (_, n) => bytes.slice(n * 997, n * 997 + 997))
    expect(await to.importLines(pieces)).toMatchObject({ jobs: 1200, knownJobs: 1200 })
    expect(await to.getPauses()).toEqual([])
    expect((await to.getStats()).byStatus.pending).toBe(1200)

    const late = await from.addJob({ jobType: 'work', payload: { n: 1200 } })
    expect(await to.importLines(from.exportLines())).toMatchObject({ jobs: 1201, knownJobs: 1200, keptIds: true })
    expect((await to.getJob(late))?.payload).toEqual({ n: 1200 })
  })

  it('refuses what runs, what is no export, what was altered, and itself', async () => {
    const [from, to] = [redis(), redis()]
    const id = await from.addJob({ jobType: 'work', payload: null })
    const [held, started] = [gate(), gate()]
    const processor = from.createProcessor({
      work: async () => {
        started.open()
        await held.opened
      },
    })
    processor.startInBackground()
    await started.opened
    await expect(text(from.exportLines({ waitMs: 0 }))).rejects.toMatchObject({ code: 'EXPORT_REFUSED' })
    held.open()
    await processor.stopAndDrain()
    expect((await from.getJob(id))?.status).toBe('completed')
    await from.addJob({ jobType: 'work', payload: null })
    const lines = (await text(from.exportLines())).trimEnd().split('\n')
    const [head = '', ...rest] = lines

    const refused = (changed: readonly string[]): Promise<string> =>
      to.importLines(changed.map((line) => `${line}\n`)).then(
        () => 'taken',
        (error: unknown) => `${Reflect.get(Object(error), 'code')}: ${String(error)}`,
      )
    expect(await refused([])).toContain('IMPORT_REFUSED')
    expect(await refused(['{"id": 1}'])).toContain('Line 1 is of no kind')
    expect(await refused(['nonsense'])).toContain('Line 1 is not JSON')
    expect(await refused(rest)).toContain('Line 1 is not the beginning')
    expect(await refused([head.replace('"version":1', '"version":2'), ...rest])).toContain('of version 2')
    expect(await refused([head, ...rest.slice(1)])).toContain('counts 1 jobs, and 0 came')
    expect(await refused([...lines, head])).toContain('comes after the end')
    const job = rest[0] ?? ''
    expect(await refused([head, job.replace('"priority":0', '"priority":"0"')])).toContain('`priority`')
    expect(await refused([head, job.replace('"priority":0', '"priority":0,"colour":0')])).toContain('`colour`')
    await expect(from.importLines(lines.map((line) => `${line}\n`))).rejects.toMatchObject({ code: 'IMPORT_REFUSED' })
    await to.importLines(lines.map((line) => `${line}\n`))
    expect((await to.getStats()).byStatus.pending).toBe(1)
  })
})

function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open: () => open() }
}

/** One of everything that a queue can hold; the ids. */
async function fill(queue: JobQueue): Promise<number[]> {
  const later = new Date(Date.now() + 3_600_000)
  const ids = await queue.addJobs([
    { jobType: 'done', payload: { a: [1, 2.5, 'ä'] } },
    { jobType: 'dead', payload: null, deadLetterJobType: 'letter', tags: ['x'] },
    { jobType: 'again', payload: 'text', maxAttempts: 5, retryDelay: 3600, retryBackoff: false },
    { jobType: 'waits', payload: { deep: { er: 'x'.repeat(200) } }, timeoutMs: 5000 },
    { jobType: 'naps', payload: null, group: { id: 'g' } },
    { jobType: 'plain', payload: 1, priority: 5, tags: ['x', 'y'], idempotencyKey: 'key' },
    { jobType: 'plain', payload: 2, runAt: later, tenantId: 'acme', queue: 'lane' },
    { jobType: 'plain', payload: 3, queue: { name: 'lane', retries: 'pass' } },
    { jobType: 'plain', payload: 4, queue: 'lane', priority: 3 },
    { jobType: 'plain', payload: 5, group: { id: 'g', tier: 'gold' }, forceKillOnTimeout: false },
    { jobType: 'held', payload: [null, [], {}] },
    { jobType: 'barrier', payload: null, dependsOn: { tags: ['y'] } },
    { jobType: 'cancelled', payload: null },
  ])
  const waiter = await queue.addJob({
    jobType: 'after',
    payload: null,
    dependsOn: { jobIds: [ids[5] ?? 0, ids[6] ?? 0] },
  })
  await queue.pause({ jobType: 'held' }, { reason: 'provider is down', by: 'ann' })
  await queue.addCronJob({
    scheduleName: 'nightly',
    cronExpression: '0 3 * * *',
    jobType: 'plain',
    payload: { at: 'night' },
  })
  await queue.addCronJob({ scheduleName: 'off', cronExpression: '* * * * *', jobType: 'plain', payload: null })
  const off = (await queue.getCronJobByName('off'))?.id ?? 0
  await queue.pauseCronJob(off)
  const manual = (await queue.runCronJobNow(off)) ?? 0
  await queue.createToken({ timeout: '1d', tags: ['free'] })
  await queue.cancelJob(ids[12] ?? 0)
  const handlers: Record<string, JobHandler> = {
    done: () => ({ output: [1] }),
    dead: () => {
      throw fatal(new Error('for good'))
    },
    again: () => {
      throw new Error('once')
    },
    waits: async (_payload, _signal, ctx) => {
      await ctx.run('first', () => ({ n: 1 }))
      const token = await ctx.createToken({ timeout: '1d' })
      await ctx.run('second', () => new Date(0))
      await ctx.waitForToken(token.id)
    },
    naps: async (_payload, _signal, ctx) => {
      await ctx.waitFor({ hours: 1 })
    },
  }
  const processor = queue.createProcessor(handlers, {
    jobType: Object.keys(handlers),
    onError: () => undefined,
  })
  await processor.start()
  await queue.signalJob(ids[3] ?? 0, 'later', { n: 7 })
  return [...ids, waiter, manual]
}

/** Runs whatever can run; the ids in the order in which it did. */
async function finish(queue: JobQueue): Promise<number[]> {
  const ran: number[] = []
  const handler: JobHandler = (_payload, _signal, ctx) => void ran.push(ctx.jobId)
  const names = ['plain', 'held', 'barrier', 'after']
  const processor = queue.createProcessor(Object.fromEntries(names.map((name) => [name, handler])), { jobType: names })
  for (let idle = 0; idle < 2;) idle = (await processor.start()) === 0 ? idle + 1 : 0
  return ran
}

/** The same lines, and what they were. */
function keeping(lines: AsyncIterable<string>): [AsyncIterable<string>, string[]] {
  const kept: string[] = []
  async function* keep(): AsyncGenerator<string> {
    for await (const line of lines) {
      kept.push(line)
      yield line
    }
  }
  return [keep(), kept]
}

/** What says nothing of a place: without the head, and the numbers that schedules have in a store. */
function plain(lines: readonly string[]): unknown[] {
  return lines.slice(1).map((line) => {
    const record = JSON.parse(line) as { job?: { schedule?: { id?: number } } }
    if (record.job?.schedule !== undefined) delete record.job.schedule.id
    return record
  })
}

async function text(lines: AsyncIterable<string>): Promise<string> {
  let all = ''
  for await (const line of lines) all += line
  return all
}
