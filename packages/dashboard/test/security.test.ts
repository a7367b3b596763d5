import { connect } from 'node:net'
import { basicAuth, createDashboard, serveDashboard, type DashboardOptions } from '@millrace/dashboard'
import { beforeAll, describe, expect, test } from 'vitest'
import { fill, type Filled } from './fill.ts'
import { hasServer, useCleanup, useInstance } from './instance.ts'

const JSON_CHANGE = { 'content-type': 'application/json', 'x-millrace-dashboard': '1' }
/** Every route, with a job or schedule for `:id`. */
const READS = [
  '/',
  '/assets/icon.svg',
  ...[
    'meta',
    'overview',
    'jobs',
    'jobs/1',
    'jobs/1/events',
    'jobs/1/steps',
    'jobs/1/logs',
    'jobs/1/explain',
    'jobs/1/relations',
    'jobs/1/graph',
    'errors',
    'errors/1',
    'lanes',
    'pauses',
    'types',
    'schema',
    'audit',
    'schedules',
    'events',
  ].map((path) => `/api/${path}`),
  '/api/schedules/1',
  '/api/workers',
  '/api/vitals',
  '/api/health',
  '/api/metrics',
  '/api/prometheus',
  '/api/openapi.json',
]
const CHANGES = [
  '/api/jobs',
  ...['cancel', 'retry', 'run-now', 'edit'].map((action) => `/api/jobs/1/${action}`),
  '/api/redrive',
  '/api/bulk',
  '/api/pause',
  '/api/resume',
  '/api/errors/1/redrive',
  '/api/process',
  ...['run', 'skip', 'pause', 'resume'].map((action) => `/api/schedules/1/${action}`),
]

describe.skipIf(!hasServer)('against the dashboard', () => {
  const instance = useInstance('dash_security')
  const cleanup = useCleanup()
  let filled: Filled
  beforeAll(async () => {
    filled = await fill(instance)
  })

  const send = (
    path: string,
    init: RequestInit = {},
    options: DashboardOptions & { from?: string } = {},
  ): Promise<Response> => {
    const { from = '127.0.0.1', ...rest } = options
    const dashboard = createDashboard(instance.queue, { basePath: '', ...rest })
    return dashboard(new Request(`http://localhost:4000${path}`, init), { remoteAddress: from })
  }
  const change = (
    path: string,
    headers: Record<string, string> = {},
    options: DashboardOptions = {},
  ): Promise<Response> => send(path, { method: 'POST', headers: { ...JSON_CHANGE, ...headers }, body: '{}' }, options)
  const json = async (response: Promise<Response>): Promise<unknown> => (await response).json()

  test('the routes above are all there are', async () => {
    const { paths } = (await json(send('/api/openapi.json'))) as { paths: Record<string, object> }
    const told = Object.entries(paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method} /api${path.replace(/\{\w+\}/, '1')}`),
    )
    const known = [...READS.slice(2, -1).map((path) => `get ${path}`), ...CHANGES.map((path) => `post ${path}`)]
    expect(told.toSorted()).toEqual(known.toSorted())
  })

  test('it listens at this machine only, and refuses another without `authorize`', async () => {
    const server = cleanup(await serveDashboard(instance.queue))
    expect(new URL(server.url).hostname).toBe('127.0.0.1')
    expect((await fetch(server.url)).status).toBe(200)
    for (const host of ['0.0.0.0', '::', '192.168.0.1'])
      await expect(serveDashboard(instance.queue, { host })).rejects.toMatchObject({ code: 'OPTION_INVALID' })
    const open = cleanup(await serveDashboard(instance.queue, { host: '0.0.0.0', authorize: () => false }))
    expect((await fetch(open.url.replace('0.0.0.0', '127.0.0.1'))).status).toBe(401)
  })

  test('without `authorize` nobody else comes in, whatever name or headers they give', async () => {
    for (const path of READS) {
      expect([path, (await send(path, {}, { from: '10.0.0.9' })).status]).toEqual([path, 401])
      expect([path, (await createDashboard(instance.queue)(new Request(`http://localhost${path}`))).status]).toEqual([
        path,
        401,
      ])
      expect([path, (await send(path, { headers: { 'x-forwarded-for': '127.0.0.1' } })).status]).toEqual([path, 401])
    }
    for (const from of ['127.0.0.1', '::1', '::ffff:127.0.0.1'])
      expect((await send('/', {}, { from })).status).toBe(200)
  })

  test('no or wrong credentials are 401 on every route', async () => {
    const authorize = basicAuth({ username: 'ada', password: 'correct horse' })
    const headers = (text: string): HeadersInit => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` })
    for (const path of READS) {
      expect([path, (await send(path, {}, { authorize })).status]).toEqual([path, 401])
      expect([path, (await send(path, { headers: headers('ada:wrong') }, { authorize })).status]).toEqual([path, 401])
    }
    for (const path of CHANGES) expect([path, (await change(path, {}, { authorize })).status]).toEqual([path, 401])
    const welcome = await send('/api/meta', { headers: headers('ada:correct horse') }, { authorize })
    expect(await welcome.json()).toMatchObject({ actor: 'ada', canChange: true })
    expect((await send('/', {}, { authorize })).headers.get('www-authenticate')).toContain('Basic')
    for (const password of ['', undefined])
      expect(() => basicAuth({ username: 'ada', password })).toThrow(
        expect.objectContaining({ code: 'OPTION_INVALID' }),
      )
  })

  test('an `authorize` that fails, or answers nonsense, opens nothing', async () => {
    const failing = (): never => {
      throw new Error('the session store is down: postgres://user:secret@db')
    }
    const answer = await send('/api/jobs', {}, { authorize: failing })
    expect(answer.status).toBe(500)
    expect(await answer.text()).not.toContain('secret')
    for (const nonsense of [undefined, null, 0, '', 'yes'])
      expect((await send('/api/jobs', {}, { authorize: () => nonsense as never })).status).toBeGreaterThanOrEqual(400)
  })

  test('another site cannot change anything, nor read', async () => {
    const before = await instance.queue.getJob(filled.later)
    const path = `/api/jobs/${filled.later}/cancel`
    const foreign: Record<string, string>[] = [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: 'http://localhost:4001' },
      { 'sec-fetch-site': 'same-origin', origin: 'https://evil.example' },
    ]
    for (const headers of foreign) {
      expect([JSON.stringify(headers), (await change(path, headers)).status]).toEqual([JSON.stringify(headers), 403])
      expect([JSON.stringify(headers), (await send('/api/jobs', { headers })).status]).toEqual([
        JSON.stringify(headers),
        403,
      ])
    }
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    expect((await send(path, { method: 'POST', headers: form, body: 'a=1' })).status).toBe(403)
    expect((await send(path, { method: 'POST', headers: { 'content-type': 'text/plain' }, body: '{}' })).status).toBe(
      403,
    )
    const typed = { ...JSON_CHANGE, 'content-type': 'text/plain' }
    expect((await send(path, { method: 'POST', headers: typed, body: '{"a":1}' })).status).toBe(415)
    expect(await instance.queue.getJob(filled.later)).toEqual(before)
    expect((await change(path, { 'sec-fetch-site': 'same-origin', origin: 'http://localhost:4000' })).status).toBe(200)
    await instance.queue.retryJob(filled.later)
  })

  test('no GET changes anything', async () => {
    for (const path of CHANGES.filter((one) => !READS.includes(one)))
      expect([path, (await send(path, { headers: JSON_CHANGE })).status]).toEqual([path, 405])
    for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS'])
      expect((await send('/api/jobs', { method, headers: JSON_CHANGE })).status).toBe(405)
  })

  test('every page is its own only: no scripts of others, no frames, no guessed types', async () => {
    for (const path of [...READS, '/nothing']) {
      const { headers } = await send(path)
      expect(headers.get('content-security-policy')).toContain("default-src 'self'")
      expect(headers.get('content-security-policy')).not.toContain('unsafe')
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('x-frame-options')).toBe('DENY')
      expect(headers.get('access-control-allow-origin')).toBeNull()
    }
    expect(await (await send('/')).text()).not.toMatch(/<script(?![^>]*src=)|<style|\son\w+=|https?:\/\//)
  })

  test('a host that is not allowed is refused', async () => {
    const asked = (host: string, options: DashboardOptions = {}): Promise<Response> =>
      send('/api/jobs', { headers: { host } }, options)
    for (const host of [
      'evil.example',
      'evil.example:4000',
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      '[::2]:80',
    ])
      expect([host, (await asked(host)).status]).toEqual([host, 403])
    for (const host of ['localhost:4000', '127.0.0.1', '[::1]:4000'])
      expect([host, (await asked(host)).status]).toEqual([host, 200])
    const allowedHosts = ['admin.example.com', '*.internal.example']
    expect((await asked('admin.example.com:8443', { allowedHosts })).status).toBe(200)
    expect((await asked('a.internal.example', { allowedHosts })).status).toBe(200)
    expect((await asked('badinternal.example', { allowedHosts })).status).toBe(403)
  })

  test.each([undefined, '/admin/q'])('no path leads out of it (base path %s)', async (basePath) => {
    const server = cleanup(await serveDashboard(instance.queue, { ...(basePath && { basePath }) }))
    const base = basePath ?? ''
    const paths = [
      `${base}/assets/../../etc/passwd`,
      `${base}/assets/..%2f..%2fetc%2fpasswd`,
      `${base}/assets/%2e%2e/%2e%2e/etc/passwd`,
      `${base}/assets/%2e%2e%2fpackage.json`,
      `${base}/assets/icon.svg%00.js`,
      `${base}/assets/__proto__`,
      `${base}/assets/constructor`,
      `${base}/assets/..\\..\\package.json`,
      `${base}/api/jobs/../../../etc/passwd`,
      `${base}/package.json`,
      'http://evil.example/',
      '//evil.example/',
    ]
    for (const path of paths) expect(`${path} ${await raw(server.url, path)}`).toMatch(/ HTTP\/1\.1 40[04] /)
    expect(await raw(server.url, `${base}/assets/icon.svg`)).toMatch(/^HTTP\/1\.1 200 /)
  })

  test('read-only is kept by the server, on every route that changes', async () => {
    const access: DashboardOptions[] = [{ readOnly: true }, { authorize: () => ({ canChange: false }) }]
    for (const options of access) {
      for (const path of CHANGES) expect([path, (await change(path, {}, options)).status]).toEqual([path, 403])
      expect((await send('/api/jobs', {}, options)).status).toBe(200)
      expect(await json(send('/api/meta', {}, options))).toMatchObject({ canChange: false })
    }
  })

  test('what is redacted never leaves the server, and survives an edit of the rest', async () => {
    const redact = ['password', 'card.number']
    const id = await instance.queue.addJob({
      jobType: 'pay',
      payload: { password: 'S3CRET', card: { number: 'S3CRET', holder: 'Ada' }, list: [{ password: 'S3CRET' }] },
      runAt: new Date(Date.now() + 3_600_000),
      deadLetterJobType: 'dead',
    })
    await instance.queue.editJob(id, { payload: { password: 'S3CRET', card: { number: 'S3CRET', holder: 'Bob' } } })
    for (const path of ['', '/events', '/steps', '/logs', '/relations', '/graph']) {
      const text = await (await send(`/api/jobs/${id}${path}`, {}, { redact })).text()
      expect(text).not.toContain('S3CRET')
    }
    const edit = (payload: object): Promise<Response> =>
      send(
        `/api/jobs/${id}/edit`,
        { method: 'POST', headers: JSON_CHANGE, body: JSON.stringify({ payload }) },
        { redact },
      )
    const hidden = '[redacted]'
    expect((await edit({ password: hidden, card: { number: hidden, holder: 'Eve' } })).status).toBe(200)
    expect((await instance.queue.getJob(id))?.payload).toEqual({
      password: 'S3CRET',
      card: { number: 'S3CRET', holder: 'Eve' },
    })
    // It cannot be moved to where it would be shown.
    expect((await edit({ password: hidden, card: { number: hidden, holder: hidden } })).status).toBe(400)
    await instance.queue.cancelJob(id)
  })

  test('somebody of one tenant sees and changes what is theirs, and nothing else', async () => {
    const runAt = new Date(Date.now() + 3_600_000)
    const own = await instance.queue.addJob({ jobType: 't', payload: {}, tenantId: 'acme', runAt })
    const other = await instance.queue.addJob({ jobType: 't', payload: {}, tenantId: 'rival', runAt })
    const cron = { cronExpression: '0 0 * * *', jobType: 't', payload: {} }
    const schedule = await instance.queue.addCronJob({ ...cron, scheduleName: 'theirs', tenantId: 'rival' })
    const options: DashboardOptions = { authorize: () => ({ tenantId: 'acme' }) }
    expect(await json(send('/api/jobs', {}, options))).toMatchObject({ jobs: [{ id: own }], hasMore: false })
    for (const asked of ['tenantId=rival', 'q=tenant:rival'])
      expect([asked, (await send(`/api/jobs?${asked}`, {}, options)).status]).toEqual([asked, 400])
    expect(await json(send('/api/jobs?q=t', {}, options))).toMatchObject({ jobs: [{ id: own }] })
    expect((await json(send('/api/schedules', {}, options))) as object).toEqual({ schedules: [] })
    expect(await json(send('/api/overview', {}, options))).toMatchObject({
      counts: { pending: 1 },
      recent: [{ id: own }],
    })
    for (const path of ['', '/events', '/steps', '/logs', '/relations', '/graph'])
      expect((await send(`/api/jobs/${other}${path}`, {}, options)).status).toBe(404)
    for (const action of ['cancel', 'retry', 'run-now', 'edit'])
      expect((await change(`/api/jobs/${other}/${action}`, {}, options)).status).toBe(404)
    for (const action of ['run', 'skip', 'pause', 'resume'])
      expect((await change(`/api/schedules/${schedule}/${action}`, {}, options)).status).toBe(404)
    for (const path of [
      '/api/workers',
      '/api/vitals',
      '/api/health',
      '/api/metrics',
      '/api/prometheus',
      '/api/types',
      '/api/audit',
      `/api/jobs/${own}/explain`,
    ])
      expect((await send(path, {}, options)).status).toBe(403)
    const bulk = JSON.stringify({ action: 'cancel', dryRun: true, jobType: 't' })
    const asked = await send('/api/bulk', { method: 'POST', headers: JSON_CHANGE, body: bulk }, options)
    expect(await asked.json()).toEqual({ count: 1, hasMore: false })
    const body = JSON.stringify({ jobType: 't' })
    const added = await send('/api/jobs', { method: 'POST', headers: JSON_CHANGE, body }, options)
    const { id } = (await added.json()) as { id: number }
    expect((await instance.queue.getJob(id))?.tenantId).toBe('acme')
    expect((await instance.queue.getJob(other))?.status).toBe('pending')
    await instance.queue.cancelAllUpcomingJobs({ jobType: 't' })
  })

  test('failures, lanes and graphs show somebody of one tenant what is theirs', async () => {
    const { queue } = instance
    const boom = { jobType: 'boom', payload: {}, maxAttempts: 1 }
    const [own = 0, other = 0] = await queue.addJobs(['acme', 'rival'].map((tenantId) => ({ ...boom, tenantId })))
    await instance.run({
      boom: () => {
        throw new Error('boom')
      },
    })
    const runAt = new Date(Date.now() + 3_600_000)
    const [before = 0] = await queue.addJobs([{ jobType: 't', payload: {}, tenantId: 'rival', runAt }])
    const after = await queue.addJob({ jobType: 't', payload: {}, tenantId: 'acme', dependsOn: { jobIds: [before] } })
    await queue.addJobs(['acme', 'rival'].map((tenantId) => ({ jobType: 't', payload: {}, queue: 'q', tenantId })))
    const options: DashboardOptions = { authorize: () => ({ tenantId: 'acme' }) }
    const { groups } = (await json(send('/api/errors', {}, options))) as { groups: { fingerprint: string }[] }
    expect(groups).toMatchObject([{ jobType: 'boom', count: 1, latestJobId: own }])
    const path = `/api/errors/${groups[0]?.fingerprint}`
    expect(await json(send(path, {}, options))).toMatchObject({ jobs: [{ id: own }] })
    expect(await json(send('/api/lanes', {}, options))).toMatchObject({ lanes: [{ name: 'q', tenantId: 'acme' }] })
    expect(await json(send(`/api/jobs/${after}/graph`, {}, options))).toMatchObject({
      nodes: [{ id: after }],
      edges: [],
    })
    expect(await json(change(`${path}/redrive`, {}, options))).toEqual({ changed: 1, left: 0 })
    expect([(await queue.getJob(own))?.status, (await queue.getJob(other))?.status]).toEqual(['pending', 'failed'])
    await queue.cancelAllUpcomingJobs()
  })

  test('no request is much work: pages, bodies and values are bounded', async () => {
    for (const query of [
      'limit=1e9',
      'limit=1000',
      'limit=0',
      'limit=-1',
      'limit=abc',
      'offset=-1',
      'offset=99999999',
      'cursor=x',
    ])
      expect([query, (await send(`/api/jobs?${query}`)).status]).toEqual([query, 400])
    for (const query of ['status=lost', 'final=maybe', 'createdAfter=soon', `jobType=${'x'.repeat(300)}`])
      expect([query, (await send(`/api/jobs?${query}`)).status]).toEqual([query, 400])
    for (const id of ['0', '-1', 'abc', '1.5', '99999999999999999999'])
      expect([id, (await send(`/api/jobs/${id}`)).status]).toEqual([id, 400])
    const body = JSON.stringify({ jobType: 'big', payload: 'x'.repeat(10_000_000) })
    expect((await send('/api/jobs', { method: 'POST', headers: JSON_CHANGE, body })).status).toBe(413)
    const stream = new ReadableStream({ pull: (sink) => sink.enqueue(new Uint8Array(1_000_000).fill(32)) })
    const endless = { method: 'POST', headers: JSON_CHANGE, body: stream, duplex: 'half' }
    expect((await send('/api/jobs', endless)).status).toBe(413)
    const id = await instance.queue.addJob({ jobType: 'large', payload: { text: 'y'.repeat(900_000) } })
    const text = await (await send(`/api/jobs/${id}`)).text()
    expect(text.length).toBeLessThan(20_000)
    expect(JSON.parse(text)).toMatchObject({ job: { payload: { cutFrom: 900_011 }, isPayloadEditable: false } })
    await instance.queue.cancelJob(id)
  })

  test('a body that is no JSON object is refused', async () => {
    for (const body of ['', '{', '[]', '"x"', 'null']) {
      const { status } = await send('/api/jobs', { method: 'POST', headers: JSON_CHANGE, body })
      expect([body, status]).toEqual([body, 400])
    }
  })

  test('an option that is misspelt or nonsense is refused at once', () => {
    const options = [
      { readonly: true },
      { basePath: 'admin' },
      { basePath: '/"><script>' },
      { redact: [1] },
      { authorize: 1 },
    ]
    for (const given of options)
      expect(() => createDashboard(instance.queue, given as never)).toThrow(
        expect.objectContaining({ code: 'OPTION_INVALID' }),
      )
  })
})

/** What a server answers to a path that no client would send as it is. */
function raw(url: string, path: string): Promise<string> {
  const { hostname, port, host } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () =>
      socket.end(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`, 'latin1'),
    )
    let text = ''
    socket.on('data', (chunk) => (text += chunk.toString()))
    socket.on('end', () => resolve(text))
    socket.on('error', reject)
  })
}
