import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { initJobQueue, type JobQueue } from 'millrace'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { WRITING } from '../src/job-tools.ts'
import { checkOptions } from '../src/options.ts'
import { Connection } from './connection.ts'

const url = process.env['MILLRACE_TEST_PG18_URL'] ?? ''
const SCHEMA = 'mcp_test'

const opened: Connection[] = []
afterEach(async () => {
  for (const connection of opened.splice(0)) await connection[Symbol.asyncDispose]()
})

async function connect(options: object = {}): Promise<Connection> {
  const connection = await Connection.open({ database: url, schema: SCHEMA, ...options })
  opened.push(connection)
  return connection
}

describe('without a database', () => {
  it('the documentation is there, and tools that need one say so', async () => {
    const server = await connect({ database: 'postgres:///x?host=/nonexistent' })
    const { data } = await server.call('search-docs', { query: 'retry with backoff' })
    const [best] = data['found'] as { slug: string; excerpt: string }[]
    expect(best?.slug).toBe('guides/retries')
    const page = await server.call('get-doc-page', { slug: '/docs/guides/retries.md' })
    expect(page.texts[0]).toMatch(/^# Retries/)
    const missing = await server.call('get-doc-page', { slug: 'guides/retry' })
    expect(missing).toMatchObject({ isError: true, data: { code: 'PAGE_NOT_FOUND' } })
    expect(missing.texts[0]).toContain('guides/retries')
    const { pages } = (await server.call('list-doc-pages')).data as { pages: { slug: string }[] }
    expect(pages.map(({ slug }) => slug)).toContain('reference/api')
    const { resources } = await server.client.listResources()
    expect(resources.map(({ uri }) => uri)).toEqual(['millrace://llms.txt', 'millrace://llms-full.txt'])
    const { contents } = await server.client.readResource({ uri: 'millrace://llms.txt' })
    expect(contents).toMatchObject([{ mimeType: 'text/markdown', text: expect.stringContaining('guides/retries.md') }])

    const failed = await server.call('get-overview')
    expect(failed).toMatchObject({ isError: true, data: { code: 'STORE_UNAVAILABLE' } })
    expect(failed.texts[0]).toMatch(/^STORE_UNAVAILABLE: /)
  })
})

describe.skipIf(url === '')('on PostgreSQL', () => {
  const admin = new pg.Pool({ connectionString: url, max: 1 })
  let queue: JobQueue
  beforeAll(async () => {
    await admin.query(`drop schema if exists ${SCHEMA} cascade`)
    queue = initJobQueue({ databaseConfig: { connectionString: url, max: 2 }, schema: SCHEMA, listen: false })
    await queue.ready()
  })
  afterAll(async () => {
    await queue.close()
    await admin.query(`drop schema if exists ${SCHEMA} cascade`)
    await admin.end()
  })

  it('lists no tool that writes, and refuses those that do whatever they are given, changing nothing', async () => {
    const server = await connect()
    const writing = WRITING.map(({ name }) => name)
    expect(await server.tools()).toEqual(expect.arrayContaining(['get-job', 'explain-job', 'search-docs']))
    expect((await server.tools()).filter((name) => writing.includes(name))).toEqual([])
    expect(server.client.getInstructions()).toContain('--allow-write')
    const id = await queue.addJob({ jobType: 'mail', payload: {} })
    for (const name of writing) {
      expect(await server.call(name, { id, jobType: 'other' })).toMatchObject({
        isError: true,
        data: { code: 'READ_ONLY' },
      })
    }
    expect(await queue.getJob(id)).toMatchObject({ status: 'pending' })
    expect(await queue.getJobs({ jobType: 'other' })).toEqual([])
    expect(await queue.getPauses()).toEqual([])
  })

  it('shows and explains jobs, and no secrets', async () => {
    const payload = { to: 'ada', password: 'p-1', nested: { apiKey: 'k-1', iban: 'i-1' } }
    const id = await queue.addJob({ jobType: 'pay', payload, group: { id: 'g' } })
    const server = await connect({ redact: ['iban'] })
    const { texts, data } = await server.call('get-job', { id })
    expect(data['job']).toMatchObject({ id, payload: { value: { to: 'ada', password: '[redacted]' } } })
    expect(texts.join('')).not.toMatch(/p-1|k-1|i-1/)
    const listed = await server.call('list-jobs', { jobType: 'pay', status: 'pending', limit: 5 })
    expect(listed.data).toMatchObject({ jobs: [{ id }] })
    expect((await server.call('explain-job', { id })).texts[0]).toContain('worker')
    expect(await server.call('get-job', { id: 999_999 })).toMatchObject({ isError: true, data: { code: 'NOT_FOUND' } })
    expect((await server.call('get-job', { id: 'x' })).isError).toBe(true)
    expect((await server.call('list-jobs', { stautus: 'pending' })).isError).toBe(true)
  })

  it('every tool that looks answers', async () => {
    const id = await queue.addJob({ jobType: 'fails', payload: {}, maxAttempts: 1 })
    await queue
      .createProcessor({ fails: () => Promise.reject(new Error('no luck')) }, { jobType: 'fails', heartbeat: 'main' })
      .start()
    const scheduleId = await queue.addCronJob({
      scheduleName: 's',
      cronExpression: '0 3 * * *',
      jobType: 'x',
      payload: {},
    })
    const server = await connect()
    const { groups } = (await server.call('list-errors')).data as { groups: { fingerprint: string }[] }
    const fingerprint = groups[0]?.fingerprint ?? ''
    const given: Record<string, Record<string, unknown>> = {
      'get-error': { fingerprint },
      'get-schedule': { id: scheduleId },
      'search-docs': { query: 'x' },
      'get-doc-page': { slug: 'guides/steps' },
    }
    const problems: string[] = []
    for (const { name, inputSchema, annotations } of (await server.client.listTools()).tools) {
      const takesId = Object.hasOwn(inputSchema.properties ?? {}, 'id')
      const called = await server.call(name, given[name] ?? (takesId ? { id } : {}))
      if (called.isError || annotations?.readOnlyHint !== true) problems.push(`${name}: ${called.texts.join(' ')}`)
    }
    expect(problems).toEqual([])
    await queue.removeCronJob(scheduleId)
  })

  it('changes jobs where that is allowed, and the audit says who did', async () => {
    const server = await connect({ allowWrite: true, actor: 'assistant of ada' })
    expect(await server.tools()).toEqual(expect.arrayContaining(WRITING.map(({ name }) => name)))
    const added = await server.call('add-job', {
      jobType: 'mail',
      payload: { to: 'eve', token: 't' },
      idempotencyKey: 'k',
    })
    expect(added.isError).toBe(false)
    const [job] = await queue.getJobs({ jobType: 'mail' }, 1)
    const id = job?.id ?? 0
    expect(job).toMatchObject({ payload: { to: 'eve', token: 't' }, idempotencyKey: 'k' })
    // What was not shown is not lost by writing back what was.
    expect((await server.call('edit-job', { id, payload: { to: 'ada', token: '[redacted]' } })).isError).toBe(false)
    expect(await queue.getJob(id)).toMatchObject({ payload: { to: 'ada', token: 't' } })
    expect((await server.call('cancel-job', { id })).isError).toBe(false)
    expect(await queue.getJob(id)).toMatchObject({ status: 'cancelled' })
    expect((await server.call('cancel-job', { id })).data).toMatchObject({ code: 'NOT_CHANGED' })
    expect((await server.call('pause-jobs', {})).isError).toBe(true)
    expect((await server.call('retry-job', { id })).isError).toBe(false)
    const { entries } = (await server.call('get-audit')).data as { entries: { actor: string; action: string }[] }
    expect(entries.map(({ actor }) => actor)).toContain('assistant of ada')
  })

  it('of one tenant, there is nothing but theirs', async () => {
    const [own, other] = await queue.addJobs([
      { jobType: 'tenanted', payload: {}, tenantId: 'a' },
      { jobType: 'tenanted', payload: {}, tenantId: 'b' },
    ])
    const server = await connect({ tenantId: 'a', allowWrite: true })
    expect((await server.call('list-jobs', { jobType: 'tenanted' })).data).toMatchObject({ jobs: [{ id: own }] })
    for (const name of ['get-job', 'cancel-job', 'get-job-events']) {
      expect((await server.call(name, { id: other })).data).toMatchObject({ code: 'NOT_FOUND' })
    }
    expect((await server.call('list-workers')).data).toMatchObject({ code: 'TENANT_ONLY' })
    expect(await queue.getJob(other ?? 0)).toMatchObject({ status: 'pending' })
  })

  it('a long answer is shortened until it can be read, and says so', async () => {
    const id = await queue.addJob({
      jobType: 'long',
      payload: { text: 'x'.repeat(200_000), list: Array.from({ length: 500 }, (_, n) => n) },
    })
    const server = await connect()
    const { texts, data } = await server.call('get-job', { id })
    expect(texts.join('').length).toBeLessThan(50_000)
    expect(texts[1]).toMatch(/^Shortened: /)
    expect(data['job']).toMatchObject({
      id,
      jobType: 'long',
      payload: { value: { list: expect.arrayContaining([0, '… 400 more']) } },
    })
  })

  it('ends with its client', async () => {
    const server = await connect()
    await server.call('get-overview')
    await server.client.close()
    const isAlive = (): boolean => {
      try {
        return process.kill(server.pid, 0)
      } catch {
        return false
      }
    }
    await expect.poll(isAlive, { timeout: 10_000 }).toBe(false)
  })

  it.each([
    ['a misspelt option', { allowWrites: true }],
    ['a wrong redact', { redact: 'password' }],
    ['an empty tenant', { tenantId: '' }],
    ['no queue', { queue: undefined }],
    ['a text for allowWrite', { allowWrite: 'no' }],
  ])('%s starts no server', (_, options) => {
    expect(() => checkOptions({ queue, ...(options as object) })).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID' }),
    )
  })
})

describe('on the embedded database', () => {
  it('the same tools answer', { timeout: 60_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-mcp-'))
    try {
      const server = await Connection.open({ dataDir: join(folder, 'data'), allowWrite: true })
      opened.push(server)
      const added = await server.call('add-job', { jobType: 'mail', payload: { to: 'ada' } })
      expect(added.isError).toBe(false)
      expect((await server.call('list-jobs')).data).toMatchObject({ jobs: [{ jobType: 'mail', status: 'pending' }] })
      expect((await server.call('get-overview')).isError).toBe(false)
      await server.client.close()
    } finally {
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    }
  })
})
