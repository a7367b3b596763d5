import { describe, expect, test } from 'vitest'
import { authorizeBearer, createStatusRoute, createWorkRoute } from '../../src/http/index.ts'
import { hasServer, useApi } from '../support/api-queue.ts'
import { poll } from '../support/poll.ts'

describe.skipIf(!hasServer)('routes over a queue', () => {
  const api = useApi('api_http')
  const get = (path: string, headers: Record<string, string> = {}): Request =>
    new Request(`http://app${path}`, { headers })

  test('a status is told to who may see the job, and nobody learns which ids exist', async () => {
    const id = await api.queue.addJob({ jobType: 'mail', payload: { of: 'ada' }, tenantId: 'a' })
    const route = createStatusRoute(api.queue, {
      authorize: (request, job) => request.headers.get('x-tenant') === job.tenantId,
    })
    const answer = await route(get(`/jobs?id=${id}`, { 'x-tenant': 'a' }))
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(await answer.json()).toEqual({
      id,
      jobType: 'mail',
      status: 'pending',
      progress: null,
      output: null,
      nextAttemptAt: null,
      error: null,
    })
    const refused = await route(get(`/jobs/${id}`, { 'x-tenant': 'b' }))
    const absent = await route(get('/jobs/99999', { 'x-tenant': 'a' }))
    expect([refused.status, absent.status]).toEqual([404, 404])
    expect(await refused.text()).toBe(await absent.text())
    for (const bad of ['/jobs/', '/jobs/1e3.5', '/jobs/-1', `/jobs?id=${'9'.repeat(40)}`, '/jobs?id=1;drop']) {
      expect((await route(get(bad))).status).toBe(404)
    }
    expect((await route(new Request('http://app/', { method: 'DELETE' }))).status).toBe(405)
  })

  test('a failure that is tried again says when, and a final one does not', async () => {
    const route = createStatusRoute(api.queue, { authorize: () => true })
    const id = await api.queue.addJob({ jobType: 'mail', payload: {}, maxAttempts: 2 })
    const fail = () => Promise.reject(new Error('no mail server'))
    await api.run({ mail: fail })
    const first: unknown = await (await route(get(`/jobs/${id}`))).json()
    expect(first).toMatchObject({ status: 'failed', error: 'no mail server' })
    expect(first).toHaveProperty('nextAttemptAt', expect.stringMatching(/^\d{4}-.*Z$/))
    await api.queue.retryJob(id)
    await api.run({ mail: fail })
    expect(await (await route(get(`/jobs/${id}`))).json()).toMatchObject({ status: 'failed', nextAttemptAt: null })
  })

  test('a stream tells each change of a job and ends with it; one too many is refused, one that is left makes room', async () => {
    const id = await api.queue.addJob({ jobType: 'mail', payload: {}, maxAttempts: 2 })
    const route = createStatusRoute(api.queue, {
      authorize: (_, job) => job.jobType === 'mail',
      maxStreams: 1,
      intervalMs: 100,
    })
    const accept = { accept: 'text/event-stream' }
    const stream = await route(get(`/jobs/${id}`, accept))
    expect(stream.headers.get('content-type')).toContain('text/event-stream')
    const messages = messagesOf(stream)
    const reaches = async (status: string): Promise<unknown> => {
      for (;;) {
        const { done, value: message } = await messages.next()
        if (done === true) throw new Error(`the stream ended before the job was ${status}`)
        if (Reflect.get(Object(message), 'status') === status) return message
      }
    }
    expect(await messages.next()).toMatchObject({ value: { id, status: 'pending' } })
    expect((await route(get(`/jobs/${id}`, accept))).status).toBe(503)
    const other = await api.queue.addJob({ jobType: 'else', payload: {} })
    expect((await route(get(`/jobs/${other}`, accept))).status).toBe(404)
    await api.run({ mail: () => Promise.reject(new Error('no mail server')) })
    expect(await reaches('failed')).toMatchObject({ nextAttemptAt: expect.any(String) })
    await api.queue.cancelJob(id)
    expect(await reaches('cancelled')).toMatchObject({ id })
    expect(await messages.next()).toMatchObject({ done: true })
    const later = await api.queue.addJob({ jobType: 'mail', payload: {}, runAt: new Date(Date.now() + 1e8) })
    const gone = new AbortController()
    const left = await route(new Request(`http://app/jobs/${later}`, { headers: accept, signal: gone.signal }))
    gone.abort()
    expect(await left.text()).toMatch(/^retry: /)
    const unread = await route(get(`/jobs/${later}`, accept))
    await unread.body?.cancel()
    const again = await route(get(`/jobs/${later}`, accept))
    expect([unread.status, again.status]).toEqual([200, 200])
    await again.body?.cancel()
    await api.queue.cancelAllUpcomingJobs()
  })

  test('a request works until nothing is ready', async () => {
    await api.queue.addJobs(Array.from({ length: 35 }, () => ({ jobType: 'mail', payload: {} })))
    const route = createWorkRoute(api.queue, { handlers: { mail: () => undefined }, authorize: () => true })
    expect(await (await route(get('/'))).json()).toEqual({ processed: 35, isDone: true })
    expect(await (await route(get('/'))).json()).toEqual({ processed: 0, isDone: true })
  })

  test('a request adds the jobs of due schedules, unless told not to', async () => {
    const schedule = await api.queue.addCronJob({ scheduleName: 'often', everyMs: 100, jobType: 'mail', payload: {} })
    const handlers = { mail: () => undefined }
    const authorize = (): boolean => true
    await poll(async () => ((await api.queue.getCronJob(schedule))?.nextRunAt ?? new Date()) < new Date())
    const without = createWorkRoute(api.queue, { handlers, authorize, processor: { fireSchedules: false } })
    expect(await (await without(get('/'))).json()).toEqual({ processed: 0, isDone: true })
    const route = createWorkRoute(api.queue, { handlers, authorize })
    expect(await (await route(get('/'))).json()).toMatchObject({ processed: 1, isDone: true })
    await api.queue.removeCronJob(schedule)
  })

  test('a handler that runs when the time is up is stopped, and its attempt given back', async () => {
    const id = await api.queue.addJob({ jobType: 'slow', payload: {} })
    const slow = (_: unknown, signal: AbortSignal) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    const route = createWorkRoute(api.queue, {
      handlers: { slow },
      budgetMs: 600,
      graceMs: 300,
      authorize: () => true,
    })
    expect(await (await route(get('/'))).json()).toMatchObject({ isDone: false })
    expect(await api.job(id)).toMatchObject({ status: 'pending', attempts: 0 })
  })

  test('a secret that is not set opens nothing', async () => {
    expect(() => authorizeBearer(undefined)).toThrow('`secret` is empty')
    expect(() => createWorkRoute(api.queue, { handlers: {} })).toThrow('`secret` is empty')
    const authorize = authorizeBearer('s3cret')
    expect(await authorize(get('/', { authorization: 'Bearer s3cret' }))).toBe(true)
    expect(await authorize(get('/', { authorization: 'Bearer s3cre' }))).toBe(false)
    expect(await authorize(get('/'))).toBe(false)
  })
})

/** What a stream of server-sent events says. */
async function* messagesOf({ body }: Response): AsyncGenerator<unknown> {
  let text = ''
  const reader = body?.getReader()
  for (;;) {
    const { done = true, value = new Uint8Array() } = (await reader?.read()) ?? {}
    if (done) return
    text += Buffer.from(value).toString()
    const parts = text.split('\n\n')
    text = parts.pop() ?? ''
    for (const part of parts) {
      const [, data] = /^data: (.*)$/.exec(part) ?? []
      if (data !== undefined) yield JSON.parse(data)
    }
  }
}
