import { createDashboard, createDataqueueDashboard, type DashboardOptions } from '@millrace/dashboard'
import { beforeAll, describe, expect, test } from 'vitest'
import { fill, type Filled } from './fill.ts'
import { hasServer, useInstance } from './instance.ts'

const LOCAL = { remoteAddress: '127.0.0.1' }
const CHANGE = { 'content-type': 'application/json', 'x-millrace-dashboard': '1' }

describe.skipIf(!hasServer)('the API of the dashboard', () => {
  const instance = useInstance('dash_api')
  let filled: Filled
  beforeAll(async () => {
    filled = await fill(instance)
  })

  const ask = async (path: string, options: DashboardOptions & { body?: object } = {}): Promise<[number, unknown]> => {
    const { body, ...rest } = options
    const dashboard = createDashboard(instance.queue, { basePath: '/q', ...rest })
    const init = body === undefined ? {} : { method: 'POST', headers: CHANGE, body: JSON.stringify(body) }
    const response = await dashboard(new Request(`http://localhost:3000/q/api${path}`, init), LOCAL)
    const isJson = response.headers.get('content-type')?.includes('json') === true
    return [response.status, isJson ? await response.json() : await response.text()]
  }
  const get = async (path: string, options?: DashboardOptions): Promise<unknown> => {
    const [status, body] = await ask(path, options)
    expect([status, body]).toEqual([200, body])
    return body
  }

  test('lists jobs newest first, page by page, each once', async () => {
    const seen: number[] = []
    let path = '/jobs?limit=5'
    for (;;) {
      const page = (await get(path)) as { jobs: { id: number }[]; hasMore: boolean; nextCursor: number | null }
      seen.push(...page.jobs.map(({ id }) => id))
      expect(page.hasMore).toBe(page.nextCursor !== null)
      if (page.nextCursor === null) break
      path = `/jobs?limit=5&cursor=${page.nextCursor}`
    }
    expect(seen).toEqual((await instance.queue.getJobs({}, 1000)).map(({ id }) => id))
    expect(seen.length).toBe(17)
  })

  test('filters by status, type, tags and group together', async () => {
    const ids = async (query: string): Promise<number> => ((await get(`/jobs?${query}`)) as { jobs: [] }).jobs.length
    expect(await ids('status=completed')).toBe(13)
    expect(await ids('status=completed&jobType=mail.send')).toBe(12)
    expect(await ids('status=completed,failed&limit=100')).toBe(15)
    expect(await ids('tag=mail,even')).toBe(6)
    expect(await ids('groupId=warehouse')).toBe(1)
    expect(await ids('status=failed&final=true')).toBe(1)
    expect(await ids('status=failed&final=false')).toBe(1)
    expect(await ids('createdAfter=2999-01-01T00:00:00Z')).toBe(0)
    expect(await ids(`q=${encodeURIComponent('status:completed,failed mail.send tag:even')}`)).toBe(6)
    expect(await ids('q=is:dead&jobType=report.build')).toBe(1)
    expect(await ask('/jobs?q=colour:red')).toMatchObject([400, { code: 'OPTION_INVALID' }])
    expect(await ask('/jobs?q=status:failed&status=failed')).toMatchObject([400, { code: 'PARAMETER_INVALID' }])
    expect((await ask(`/jobs?q=${'x'.repeat(2001)}`))[0]).toBe(400)
  })

  test('shows a job with its events, steps and relations', async () => {
    expect(await get(`/jobs/${filled.dead}`)).toMatchObject({
      job: {
        status: 'failed',
        nextAttemptAt: null,
        errorHistory: [{ message: expect.stringContaining('total'), cause: [{ name: 'TypeError' }] }],
      },
    })
    expect(await get(`/jobs/${filled.done}/events`)).toMatchObject({
      events: [{ eventType: 'added' }, { eventType: 'processing' }, { eventType: 'completed' }],
    })
    expect(await get(`/jobs/${filled.steps}/steps`)).toMatchObject({
      steps: [{ name: 'reserve', status: 'done', result: { value: { shelf: 12 } } }, { name: 'charge' }],
    })
    expect(await get(`/jobs/${filled.dependent}/explain`)).toMatchObject({
      jobId: filled.dependent,
      reasons: [{ kind: 'dependencies', blockers: [{ id: filled.later }] }, { kind: 'no_workers' }],
    })
    expect(await get(`/jobs/${filled.dependent}/relations`)).toMatchObject({
      dependsOn: [{ id: filled.later }],
      counts: { total: 1, unfinished: 1 },
    })
  })

  test('tells how things stand, and what needs to be looked at', async () => {
    expect(await get('/overview')).toMatchObject({
      counts: { completed: 13, failed: 2, pending: 2 },
      workers: { count: 0 },
      failures: [{ jobType: 'hook.post' }, { jobType: 'report.build' }],
      attention: [],
    })
    const ready = await instance.queue.addJob({ jobType: 'mail.send', payload: {} })
    expect(await get('/overview')).toMatchObject({ attention: [{ level: 'danger', href: '#/jobs?status=pending' }] })
    await instance.queue.cancelJob(ready)
    expect(await get('/workers')).toEqual({ workers: [] })
    expect(await get('/health')).toMatchObject({ violations: [] })
  })

  test('changes a job, and says so when it cannot be', async () => {
    const id = await instance.queue.addJob({
      jobType: 'mail.send',
      payload: { to: 'x' },
      runAt: new Date(Date.now() + 3_600_000),
    })
    expect(await ask(`/jobs/${id}/edit`, { body: { priority: 9, payload: { to: 'y' }, tags: ['a'] } })).toEqual([
      200,
      { ok: true, result: 'changed' },
    ])
    expect(await instance.queue.getJob(id)).toMatchObject({ priority: 9, payload: { to: 'y' }, tags: ['a'] })
    expect((await ask(`/jobs/${id}/run-now`, { body: {} }))[0]).toBe(200)
    expect((await instance.queue.getJob(id))?.runAt.getTime()).toBeLessThanOrEqual(Date.now() + 1000)
    expect((await ask(`/jobs/${id}/cancel`, { body: {} }))[0]).toBe(200)
    expect(await ask(`/jobs/${id}/cancel`, { body: {} })).toMatchObject([409, { code: 'NOT_CHANGED' }])
    expect((await ask(`/jobs/${id}/retry`, { body: {} }))[0]).toBe(200)
    expect((await instance.queue.getJob(id))?.status).toBe('pending')
    await instance.queue.cancelJob(id)
    expect((await ask(`/jobs/${filled.done}/retry`, { body: {} }))[0]).toBe(409)
    expect((await ask('/jobs/99999999/cancel', { body: {} }))[0]).toBe(404)
    expect((await ask(`/jobs/${id}/edit`, { body: { prioritty: 1 } }))[0]).toBe(400)
    expect((await ask(`/jobs/${id}/edit`, { body: { priority: 'high' } }))[0]).toBe(400)
  })

  test('adds a job with the options of addJob', async () => {
    const [status, body] = await ask('/jobs', {
      body: { jobType: 'mail.send', payload: { to: 'z' }, runAt: '2999-01-01T00:00:00Z', group: { id: 'g' } },
    })
    expect(status).toBe(200)
    const { id } = body as { id: number }
    expect(await instance.queue.getJob(id)).toMatchObject({ payload: { to: 'z' }, groupId: 'g' })
    await instance.queue.cancelJob(id)
    expect(await ask('/jobs', { body: { payload: {} } })).toMatchObject([400, { code: 'PARAMETER_INVALID' }])
    expect(await ask('/jobs', { body: { jobType: 'a', runAt: 'soon' } })).toMatchObject([400, {}])
  })

  test('counts dead letters before it brings them back', async () => {
    expect(await ask('/redrive', { body: { jobType: 'report.build', dryRun: true } })).toEqual([
      200,
      { count: 1, hasMore: false },
    ])
    expect((await instance.queue.getJob(filled.dead))?.status).toBe('failed')
    expect(await ask('/redrive', { body: { jobType: 'report.build' } })).toEqual([
      200,
      { count: 1, ids: [filled.dead] },
    ])
    expect((await instance.queue.getJob(filled.dead))?.status).toBe('pending')
    await instance.queue.cancelJob(filled.dead)
    // A misspelt filter must not mean all of them.
    expect((await ask('/redrive', { body: { jobtype: 'other' } }))[0]).toBe(400)
  })

  test('shows schedules with their next runs, and runs, skips, pauses and resumes them', async () => {
    const read = async (): Promise<{ nextRuns: string[]; status: string }> =>
      ((await get(`/schedules/${filled.schedule}`)) as { schedule: never }).schedule
    const before = await read()
    expect(before.nextRuns.length).toBe(5)
    expect(await get('/schedules')).toMatchObject({ schedules: [{ scheduleName: 'nightly-report' }] })
    expect((await ask(`/schedules/${filled.schedule}/skip`, { body: {} }))[1]).toEqual({
      ok: true,
      skipped: before.nextRuns[0],
    })
    expect((await read()).nextRuns[0]).toBe(before.nextRuns[1])
    const [, ran] = await ask(`/schedules/${filled.schedule}/run`, { body: {} })
    await instance.queue.cancelJob((ran as { jobId: number }).jobId)
    await ask(`/schedules/${filled.schedule}/pause`, { body: {} })
    expect(await read()).toMatchObject({ status: 'paused', nextRuns: [] })
    await ask(`/schedules/${filled.schedule}/resume`, { body: {} })
    expect((await read()).status).toBe('active')
    expect((await ask('/schedules/99999/pause', { body: {} }))[0]).toBe(404)
  })

  test('runs a batch on request, if it has handlers', async () => {
    expect((await ask('/process', { body: {} }))[0]).toBe(404)
    const id = await instance.queue.addJob({ jobType: 'now', payload: {} })
    const handlers = { now: () => Promise.resolve('done') }
    expect(
      await ask('/process', { body: {}, handlers, processorOptions: { heartbeat: 'main', jobType: 'now' } }),
    ).toEqual([200, { processed: 1 }])
    expect((await instance.queue.getJob(id))?.status).toBe('completed')
  })

  test('serves what dataqueue’s dashboard does, as the handlers of one catch-all route of Next', async () => {
    const { GET, POST } = createDataqueueDashboard({
      jobQueue: instance.queue,
      jobHandlers: { old: () => Promise.resolve('done') },
      basePath: '/api/dataqueue/dashboard',
      processorOptions: { heartbeat: 'main', jobType: 'old' },
      authorize: () => true,
    })
    // Next passes a context, which is no word on who asks.
    const next = { params: Promise.resolve({ path: [] }) }
    const at = (path: string): string => `http://localhost:3000/api/dataqueue/dashboard${path}`
    const read = async (path: string): Promise<unknown> => (await GET(new Request(at(path)), next)).json()
    const change = async (path: string): Promise<[number, unknown]> => {
      const answer = await POST(new Request(at(path), { method: 'POST', headers: CHANGE, body: '{}' }), next)
      return [answer.status, await answer.json()]
    }
    expect((await GET(new Request(at('')), next)).headers.get('content-type')).toContain('text/html')
    const id = await instance.queue.addJob({ jobType: 'old', payload: {} })
    expect(await change('/api/process')).toEqual([200, { processed: 1 }])
    expect(await read(`/api/jobs/${id}`)).toMatchObject({ job: { id, status: 'completed' } })
    expect(await read('/api/jobs?status=completed&jobType=old&limit=25&offset=0')).toMatchObject({
      jobs: [{ id }],
      hasMore: false,
    })
    expect((await change(`/api/jobs/${id}/retry`))[0]).toBe(409)
    const { GET: closed } = createDataqueueDashboard({ jobQueue: instance.queue })
    expect((await closed(new Request(at('/api/jobs')), next)).status).toBe(401)
  })

  test('those who look at once share one reading of the counts', async () => {
    let readings = 0
    const counted = new Proxy(instance.queue, {
      get: (queue, name) => {
        if (name === 'getFigures') readings++
        return Reflect.get(queue, name)
      },
    })
    const dashboard = createDashboard(counted, { basePath: '' })
    const look = async (): Promise<void> => {
      const answer = await dashboard(new Request('http://localhost/api/overview'), LOCAL)
      expect(answer.status).toBe(200)
    }
    await Promise.all(Array.from({ length: 10 }, look))
    await look()
    expect(readings).toBe(1)
  })

  test('describes itself: everything it routes, and nothing else', async () => {
    const { paths, servers } = (await get('/openapi.json')) as { paths: Record<string, object>; servers: object }
    expect(servers).toEqual([{ url: '/q/api' }])
    for (const [path, operations] of Object.entries(paths)) {
      for (const method of Object.keys(operations)) {
        const [status] = await ask(
          path.replace(/\{\w+\}/, '1'),
          method === 'post' ? { body: { '?': 1 }, readOnly: true } : {},
        )
        expect([method, path, status === 405]).toEqual([method, path, false])
      }
    }
    expect(Object.keys(paths)).toContain('/jobs/{id}/run-now')
  })

  test('is found at whatever path it is mounted, also below another /api/', async () => {
    const dashboard = createDashboard(instance.queue)
    const fetched = async (path: string): Promise<Response> =>
      dashboard(new Request(`http://127.0.0.1${path}`, { headers: { accept: 'text/html' } }), LOCAL)
    for (const base of ['', '/admin/jobs', '/api/dataqueue', '/a/b/c']) {
      const html = await (await fetched(`${base}/`)).text()
      expect(html).toContain(`content="${base}"`)
      const script = /src="([^"]+)"/.exec(html)?.[1] ?? ''
      expect(script.startsWith(`${base}/assets/`)).toBe(true)
      expect((await fetched(script)).headers.get('content-type')).toContain('javascript')
      expect(await (await fetched(`${base}/api/jobs?limit=1`)).json()).toMatchObject({ hasMore: true })
      expect((await fetched(`${base}/assets/none.js`)).status).toBe(404)
    }
  })
})
