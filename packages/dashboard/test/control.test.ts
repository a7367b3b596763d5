import { createDashboard, type DashboardOptions } from '@millrace/dashboard'
import { initJobQueue, type JobQueue } from 'millrace'
import { afterEach, describe, expect, test } from 'vitest'
import { hasServer, useInstance } from './instance.ts'

const LOCAL = { remoteAddress: '127.0.0.1' }
const CHANGE = { 'content-type': 'application/json', 'x-millrace-dashboard': '1' }
const redisUrl = process.env['MILLRACE_TEST_REDIS_URL'] ?? ''

async function ask(
  queue: JobQueue,
  path: string,
  options: DashboardOptions & { body?: object } = {},
): Promise<unknown> {
  const { body, ...rest } = options
  const dashboard = createDashboard(queue, { basePath: '', ...rest })
  const init = body === undefined ? {} : { method: 'POST', headers: CHANGE, body: JSON.stringify(body) }
  const response = await dashboard(new Request(`http://localhost/api${path}`, init), LOCAL)
  return [response.status, await response.json()]
}

describe.skipIf(!hasServer)('what the API controls', () => {
  const instance = useInstance('dash_control')
  const call = (path: string, options?: Parameters<typeof ask>[2]): Promise<unknown> =>
    ask(instance.queue, path, options)
  afterEach(async () => {
    for (const { scope } of await instance.queue.getPauses()) await instance.queue.resume(scope)
    await instance.queue.cancelAllUpcomingJobs()
  })

  test('pauses and resumes by type, queue, group and tenant, and says why, who and until when', async () => {
    const until = new Date(Date.now() + 3_600_000).toISOString()
    const authorize = (): { actor: string } => ({ actor: 'ada' })
    const body = { jobType: 'mail', reason: 'the relay is down', until }
    expect(await call('/pause', { body, authorize })).toEqual([200, { ok: true }])
    expect(await call('/pause', { body: { queue: 'outbox', tenantId: 'acme' } })).toEqual([200, { ok: true }])
    const id = await instance.queue.addJob({ jobType: 'mail', payload: {} })
    expect(await instance.run({ mail: () => Promise.resolve(null) })).toBe(0)
    expect(await call('/pauses')).toMatchObject([
      200,
      {
        pauses: [
          { scope: { jobType: 'mail' }, reason: 'the relay is down', by: 'ada', until },
          { scope: { queue: 'outbox', tenantId: 'acme' }, reason: null, by: 'dashboard', until: null },
        ],
      },
    ])
    expect(await call(`/jobs/${id}/explain`)).toMatchObject([200, { reasons: [{ kind: 'paused' }, {}] }])
    expect(await call('/resume', { body: { jobType: 'mail' } })).toEqual([200, { ok: true }])
    expect(await instance.run({ mail: () => Promise.resolve(null) })).toBe(1)
    expect(await call('/resume', { body: { jobType: 'mail' } })).toMatchObject([409, { code: 'NOT_CHANGED' }])
  })

  test('what is forgotten never means everything', async () => {
    for (const body of [
      {},
      { reason: 'x' },
      { everything: false },
      { everything: true, jobType: 'mail' },
      { type: 'm' },
    ])
      expect([body, await call('/pause', { body })]).toMatchObject([body, [400, {}]])
    for (const body of [{ jobType: '' }, { jobType: 'a', until: 'soon' }, { jobType: 'a', until: '2001-01-01' }])
      expect([body, await call('/pause', { body })]).toMatchObject([body, [400, {}]])
    expect(await instance.queue.getPauses()).toEqual([])
    expect(await call('/pause', { body: { everything: true } })).toEqual([200, { ok: true }])
    expect(await call('/resume', { body: {} })).toMatchObject([400, {}])
    expect(await call('/resume', { body: { everything: true } })).toEqual([200, { ok: true }])
  })

  test('somebody of one tenant pauses what is theirs, and sees no other pause', async () => {
    const authorize = (): { tenantId: string } => ({ tenantId: 'acme' })
    await instance.queue.pause({ jobType: 'mail' }, { reason: 'a secret of the house' })
    expect(await call('/pause', { body: { everything: true }, authorize })).toEqual([200, { ok: true }])
    expect(await call('/pause', { body: { jobType: 'a', tenantId: 'rival' }, authorize })).toMatchObject([400, {}])
    expect(await call('/resume', { body: { jobType: 'mail' }, authorize })).toMatchObject([409, {}])
    expect(await call('/pauses', { authorize })).toMatchObject([200, { pauses: [{ scope: { tenantId: 'acme' } }] }])
    const scopes = (await instance.queue.getPauses()).map(({ scope }) => scope)
    expect(scopes).toEqual([{ jobType: 'mail' }, { tenantId: 'acme' }])
  })

  test('shows what handlers logged, redacted, and from a line on', async () => {
    const id = await instance.queue.addJob({ jobType: 'mail', payload: {}, maxAttempts: 1 })
    await instance.run({
      mail: (_payload, _signal, ctx) => {
        ctx.log('connected', { host: 'mx1', password: 'S3CRET' })
        ctx.log('refused', undefined, 'error')
        return Promise.resolve(null)
      },
    })
    const redact = ['password']
    const all = (await call(`/jobs/${id}/logs`, { redact })) as [number, { lines: { id: number }[] }]
    expect(all).toMatchObject([
      200,
      {
        dropped: 0,
        lines: [
          {
            level: 'info',
            attempt: 1,
            message: 'connected',
            fields: { value: { host: 'mx1', password: '[redacted]' } },
          },
          { level: 'error', message: 'refused', fields: null },
        ],
      },
    ])
    expect(await call(`/jobs/${id}/logs?after=${all[1].lines[0]?.id}`)).toMatchObject([
      200,
      { lines: [{ message: 'refused' }] },
    ])
    expect(await call(`/jobs/${id}/logs?limit=1001`)).toMatchObject([400, {}])
    expect(await call(`/jobs/${id}/logs?after=-1`)).toMatchObject([400, {}])
  })

  test('every change is noted under the name of who made it, and a refused one as such', async () => {
    const authorize = (): { actor: string } => ({ actor: 'grace@example.com' })
    const runAt = '2999-01-01T00:00:00Z'
    const [, { id }] = (await call('/jobs', { body: { jobType: 'noted', runAt }, authorize })) as [
      number,
      { id: number },
    ]
    await call(`/jobs/${id}/edit`, { body: { payload: { secret: 1 } }, authorize })
    await call(`/jobs/${id}/cancel`, { body: {}, authorize })
    expect(await call('/jobs', { body: { jobType: 'noted', maxAttempts: 0 } })).toMatchObject([400, {}])
    // What is not allowed at all is not tried.
    await call(`/jobs/${id}/retry`, { body: {}, readOnly: true })
    const actor = 'grace@example.com'
    const [, page] = (await call('/audit?limit=4')) as [number, { entries: object[]; nextCursor: number | null }]
    expect(page.entries).toMatchObject([
      { actor: 'dashboard', action: 'addJob', outcome: 'failed', result: 'OPTION_INVALID' },
      { actor, action: 'cancelJob', target: { id }, outcome: 'done' },
      { actor, action: 'editJob', target: { id, changes: ['payload'] }, outcome: 'done' },
      { actor, action: 'addJob', target: { jobType: 'noted' }, outcome: 'done', result: id },
    ])
    expect(JSON.stringify(page)).not.toContain('secret')
    expect(await call(`/audit?limit=4&cursor=${page.nextCursor}`)).toMatchObject([200, { entries: expect.any(Array) }])
  })

  test('lists job types with those who handle them', async () => {
    await instance.queue.addJob({ jobType: 'seen', payload: {} })
    expect(await call('/types', { jobTypes: ['told'] })).toMatchObject([
      200,
      { types: expect.arrayContaining([expect.objectContaining({ jobType: 'told', workers: 0, isDeclared: false })]) },
    ])
    const [, { types }] = (await call('/types')) as [number, { types: { jobType: string }[] }]
    expect(types.map(({ jobType }) => jobType)).toContain('seen')
  })
})

describe.skipIf(redisUrl === '')('what the API controls on Redis', () => {
  test('pauses and resumes as on PostgreSQL', async () => {
    await using queue = initJobQueue({
      backend: 'redis',
      redisConfig: { url: redisUrl, keyPrefix: `dash_control_${process.pid}:` },
    })
    expect(await ask(queue, '/meta')).toMatchObject([200, { canPause: true, canChange: true }])
    expect(await ask(queue, '/pause', { body: { jobType: 'mail' } })).toEqual([200, { ok: true }])
    expect(await ask(queue, '/pauses')).toMatchObject([200, { pauses: [{ scope: { jobType: 'mail' } }] }])
    expect(await ask(queue, '/resume', { body: { jobType: 'mail' } })).toEqual([200, { ok: true }])
    expect(await ask(queue, '/pauses')).toEqual([200, { pauses: [] }])
  })
})
