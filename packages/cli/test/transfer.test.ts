import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { initJobQueue, type JobQueue } from 'millrace'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Ended, run, start } from './support/command.ts'
import { temporaryFolder } from './support/folder.ts'

const url = process.env['MILLRACE_TEST_PG18_URL'] ?? ''
const [FROM, TO] = ['cli_export_test', 'cli_import_test']

describe.skipIf(url === '')('export and import', { timeout: 60_000 }, () => {
  const admin = new pg.Pool({ connectionString: url, max: 1 })
  const queues: JobQueue[] = []
  const env = { DATABASE_URL: url }
  const cli = (schema: string, ...args: string[]): Promise<Ended> => run([...args, '--schema', schema], { env })
  beforeAll(async () => {
    for (const schema of [FROM, TO]) {
      await admin.query(`drop schema if exists ${schema} cascade`)
      const queue = initJobQueue({ databaseConfig: { connectionString: url, max: 1 }, schema, listen: false })
      await queue.ready()
      queues.push(queue)
    }
  })
  afterAll(async () => {
    for (const queue of queues) await queue.close()
    for (const schema of [FROM, TO]) await admin.query(`drop schema if exists ${schema} cascade`)
    await admin.end()
  })

  it('a file holds what waits, and another store takes it over, once', async () => {
    using folder = temporaryFolder()
    const [from, to] = queues
    const file = join(folder.path, 'jobs.jsonl')
    const ids = await from?.addJobs(
      [1, 2, 3].map((n) => ({ jobType: 'moved', payload: { n }, idempotencyKey: `k${n}` })),
    )
    const exported = await cli(FROM, 'export', file, '--json')
    const lines = readFileSync(file, 'utf8').trim().split('\n')
    expect([exported.code, JSON.parse(exported.stdout)]).toEqual([0, { file, lines: lines.length }])
    expect(statSync(file).mode & 0o077).toBe(0)
    expect(await from?.getPauses()).toHaveLength(1)

    const first = await cli(TO, 'import', file, '--json')
    expect([first.code, JSON.parse(first.stdout)]).toMatchObject([0, { jobs: 3, knownJobs: 0, keptIds: true }])
    expect((await to?.getJobs({ jobType: 'moved' }))?.map(({ id }) => id).toSorted()).toEqual(ids)
    const again = await cli(TO, 'import', file)
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('3, of which 3 had been imported before') })

    const piped = await cli(FROM, 'export', '-')
    expect(piped).toMatchObject({ code: 0, stderr: expect.stringContaining('millrace resume --all') })
    const taken = await run(['import', '--json', '--schema', TO], { env, input: piped.stdout })
    expect(JSON.parse(taken.stdout)).toMatchObject({ jobs: 3, knownJobs: 3 })
  })

  it('half an export is a failure that says so, when whoever reads it leaves or the disk is full', async () => {
    const [from] = queues
    await from?.resume({})
    await from?.addJobs(
      Array.from({ length: 300 }, (_, n) => ({ jobType: 'long', payload: { n, text: 'x'.repeat(2000) } })),
    )
    const half = await start(['export', '--schema', FROM], { env, readsOnly: 100 }).ended
    expect(half).toMatchObject({ code: 1, stderr: expect.stringMatching(/nobody reads on.*cannot be imported/) })
    expect(await cli(FROM, 'export', '/dev/full')).toMatchObject({ code: 2 })
    await from?.cancelAllUpcomingJobs({ jobType: 'long' })
  })

  it('what cannot be used is refused, with what to do', async () => {
    using folder = temporaryFolder()
    const file = join(folder.path, 'cut.jsonl')
    writeFileSync(file, (await cli(FROM, 'export')).stdout.split('\n').slice(0, -2).join('\n'))
    expect(await cli(FROM, 'export', file)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/there already[^]*do: /),
    })
    expect(await cli(TO, 'import', file)).toMatchObject({ code: 1, stderr: expect.stringContaining('IMPORT_REFUSED') })
    expect(await cli(TO, 'import', join(folder.path, 'none'))).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('no file'),
    })
  })
})
