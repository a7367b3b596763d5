import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { initJobQueue, type JobQueue } from '../../src/index.ts'
import { poll } from '../support/poll.ts'

const A = '5b720132-17d5-424d-9bcb-ee7b17c13d43'
const statements = readFileSync(new URL('../fixtures/database-jobs-readme.sql', import.meta.url), 'utf8')
  .split(/^-- \*\*\n/m)
  .map((text) => text.trim())

type Row = Record<string, unknown>

describe('app_jobs on PGlite', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'millrace-app-jobs-'))
  let queue: JobQueue
  beforeAll(async () => {
    queue = initJobQueue({ backend: 'pglite', dataDir, with: ['app_jobs'] })
    await queue.ready()
  })
  afterAll(async () => {
    await queue.close()
    rmSync(dataDir, { recursive: true, force: true })
  })

  const sql = (text: string): Promise<readonly Row[]> =>
    queue.transaction(async (tx) => (await tx.query(text)).rows as readonly Row[])

  it('runs every statement of the README as it is', async () => {
    for (const statement of statements) await sql(statement)
    const left = await sql('select task_identifier from app_jobs.jobs order by id')
    expect(left.map((row) => row['task_identifier'])).toEqual(['generate_report', 'daily_summary'])
    await sql('delete from app_jobs.jobs')
  })

  it('gives out a job once, completes it for its holder only, and tries a failed one again', async () => {
    await sql(`select app_jobs.add_job('${A}', 'first')`)
    await sql(`select app_jobs.add_job('${A}', 'second', queue_name := 'q')`)
    // Beyond the first calls of a session, which look after crashed workers.
    for (let n = 0; n < 3; n += 1) await sql(`select app_jobs.get_job('wkr-0', '{none}')`)
    const [first] = await sql(`select * from app_jobs.get_job('wkr-1')`)
    const [second] = await sql(`select * from app_jobs.get_job('wkr-2')`)
    expect([first?.['task_identifier'], second?.['task_identifier']]).toEqual(['first', 'second'])
    expect(second).toMatchObject({ database_id: A, queue_name: 'q', attempts: 1, max_attempts: 25, locked_by: 'wkr-2' })
    expect((await sql(`select id from app_jobs.get_job('wkr-3')`))[0]?.['id']).toBeNull()
    expect((await sql(`select id from app_jobs.complete_job('wkr-2', ${String(first?.['id'])})`))[0]?.['id']).toBeNull()
    const [done] = await sql(`select * from app_jobs.complete_job('wkr-1', ${String(first?.['id'])})`)
    expect(done).toEqual(first)
    await sql(`select app_jobs.fail_job('wkr-2', ${String(second?.['id'])}, 'not yet')`)
    expect(await sql('select task_identifier, attempts, last_error, locked_by from app_jobs.jobs')).toEqual([
      { task_identifier: 'second', attempts: 1, last_error: 'not yet', locked_by: null },
    ])
    await sql('delete from app_jobs.jobs')
  })

  it('gives its jobs and schedules to a processor', async () => {
    const ran: unknown[] = []
    const processor = queue.createProcessor({ beat: (_payload, _signal, ctx) => void ran.push(ctx.tenantId) })
    processor.startInBackground()
    await sql(`select app_jobs.add_scheduled_job('${A}', 'beat', '{}', '"* * * * * *"')`)
    await poll(() => ran.length > 0)
    await processor.stopAndDrain()
    expect(ran[0]).toBe(A)
    await sql('delete from app_jobs.scheduled_jobs')
    expect(await queue.checkInvariants()).toEqual([])
  })
})
