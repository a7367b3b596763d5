import { get, type ClientRequest } from 'node:http'
import { createDashboard, serveDashboard, type DashboardHandler, type DashboardOptions } from '@millrace/dashboard'
import { describe, expect, test } from 'vitest'
import { hasServer, useCleanup, useInstance } from './instance.ts'

const LOCAL = { remoteAddress: '127.0.0.1' }

interface Message {
  readonly path: string
  readonly status: number
  readonly body: unknown
}

describe.skipIf(!hasServer)('the stream of changes', () => {
  const instance = useInstance('dash_live')
  const cleanup = useCleanup()

  const address = (...paths: readonly string[]): string =>
    `http://localhost/api/events?${paths.map((path) => `path=${encodeURIComponent(path)}`).join('&')}`
  const make = (options: DashboardOptions = {}): DashboardHandler =>
    createDashboard(instance.queue, { basePath: '', ...options })
  const open = async (dashboard: DashboardHandler, ...paths: readonly string[]): Promise<Stream> => {
    const response = await dashboard(new Request(address(...paths)), LOCAL)
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8'])
    return cleanup(new Stream(response))
  }

  test('tells what a path answers, and then only when it is another', async () => {
    const id = await instance.queue.addJob({ jobType: 'a', payload: {}, runAt: new Date(Date.now() + 1e8) })
    const stream = await open(make(), `/jobs/${id}`, '/jobs?jobType=a', '/jobs/99999999')
    const first = [await stream.next(), await stream.next(), await stream.next()]
    expect(first).toMatchObject([
      { path: `/jobs/${id}`, status: 200, body: { job: { id, status: 'pending' } } },
      { path: '/jobs?jobType=a', status: 200, body: { jobs: [{ id }] } },
      { path: '/jobs/99999999', status: 404, body: { code: 'NOT_FOUND' } },
    ])
    await instance.queue.editJob(id, { priority: 3 })
    const then = [await stream.next(), await stream.next()]
    expect(then.map(({ path }) => path).toSorted()).toEqual([`/jobs/${id}`, '/jobs?jobType=a'])
    await instance.queue.cancelJob(id)
    expect(await stream.next()).toMatchObject({ body: { job: { status: 'cancelled' } } })
  })

  test('a change made here is told without waiting for the next reading', async () => {
    const id = await instance.queue.addJob({ jobType: 'b', payload: {}, runAt: new Date(Date.now() + 1e8) })
    const dashboard = make()
    const stream = await open(dashboard, `/jobs/${id}`)
    await stream.next()
    const headers = { 'content-type': 'application/json', 'x-millrace-dashboard': '1' }
    const startedAt = performance.now()
    await dashboard(
      new Request(`http://localhost/api/jobs/${id}/cancel`, { method: 'POST', headers, body: '{}' }),
      LOCAL,
    )
    expect(await stream.next()).toMatchObject({ body: { job: { status: 'cancelled' } } })
    expect(performance.now() - startedAt).toBeLessThan(900)
  })

  test('however many watch the same, it is read once for all of them', async () => {
    const id = await instance.queue.addJob({ jobType: 'c', payload: {}, runAt: new Date(Date.now() + 1e8) })
    let readings = 0
    const counted = new Proxy(instance.queue, {
      get: (queue, name) => {
        if (name === 'getJob') readings += 1
        return Reflect.get(queue, name)
      },
    })
    const dashboard = createDashboard(counted, { basePath: '' })
    const streams = await Promise.all(Array.from({ length: 20 }, () => open(dashboard, `/jobs/${id}`)))
    for (const stream of streams) await stream.next()
    // A slow machine may have come to the second one.
    expect(readings).toBeLessThan(5)
  })

  test('one stream too many is refused, and one that ends makes room, however it ends', async () => {
    const dashboard = make()
    const gone = new AbortController()
    const ask = (init: RequestInit = {}): Promise<Response> => dashboard(new Request(address('/lanes'), init), LOCAL)
    const opened = await Promise.all(Array.from({ length: 100 }, () => ask({ signal: gone.signal })))
    expect(opened.every(({ status }) => status === 200)).toBe(true)
    const refused = await ask()
    expect([refused.status, await refused.json()]).toMatchObject([503, { code: 'TOO_MANY_STREAMS' }])
    await opened[0]?.body?.cancel()
    const head = await ask({ method: 'HEAD' })
    expect([head.status, head.body]).toEqual([200, null])
    const another = await ask()
    expect(another.status).toBe(200)
    expect((await ask()).status).toBe(503)
    gone.abort()
    await another.body?.cancel()
    await (await open(dashboard, '/lanes')).next()
  })

  test('a connection that is cut without a word ends its stream', async () => {
    const server = cleanup(await serveDashboard(instance.queue, { basePath: '' }))
    const url = `${server.url}api/events?path=%2Flanes`
    const connect = (): Promise<[ClientRequest, number]> =>
      new Promise((resolve, reject) => {
        const request = get(url, { agent: false }, (response) => {
          // What is cut is an error here, too.
          response.on('error', () => undefined)
          resolve([request, response.statusCode ?? 0])
        })
        request.on('error', reject)
      })
    const connections = await Promise.all(Array.from({ length: 100 }, connect))
    const status = async (): Promise<number> => {
      const [request, answered] = await connect()
      request.destroy()
      return answered
    }
    expect(await status()).toBe(503)
    for (const [request] of connections) request.destroy()
    await expect.poll(status).toBe(200)
  })

  test('only what may be read can be watched, and only what is cheap', async () => {
    const ask = async (paths: readonly string[], options: DashboardOptions = {}): Promise<unknown> => {
      const response = await make(options)(new Request(address(...paths)), LOCAL)
      await response.body?.cancel()
      return response.status
    }
    for (const path of ['/health', '/events?path=/lanes', '/openapi.json', '/redrive', '/none', '', 'jobs', '//x/jobs'])
      expect([path, await ask([path])]).toEqual([path, 404])
    expect(await ask([])).toBe(400)
    expect(await ask(Array.from({ length: 13 }, (_, n) => `/jobs/${n}`))).toBe(400)
    expect(await ask([`/jobs?jobType=${'x'.repeat(2000)}`])).toBe(400)
    expect(await ask(['/workers'], { authorize: () => ({ tenantId: 'acme' }) })).toBe(403)
    expect(await ask(['/jobs'], { authorize: () => false })).toBe(401)
  })

  test('somebody of one tenant is pushed what is theirs', async () => {
    const runAt = new Date(Date.now() + 1e8)
    const own = await instance.queue.addJob({ jobType: 'd', payload: {}, tenantId: 'acme', runAt })
    const other = await instance.queue.addJob({ jobType: 'd', payload: {}, tenantId: 'rival', runAt })
    let tenantId: string | undefined = 'acme'
    const dashboard = make({ authorize: () => (tenantId === undefined ? true : { tenantId }) })
    const paths = ['/jobs?jobType=d', `/jobs/${other}`]
    const stream = await open(dashboard, ...paths)
    expect(await stream.next()).toMatchObject({ body: { jobs: [{ id: own }] } })
    expect(await stream.next()).toMatchObject({ status: 404 })
    // Whoever may see more shares nothing with them.
    tenantId = undefined
    const all = await open(dashboard, ...paths)
    expect(await all.next()).toMatchObject({ body: { jobs: [{ id: other }, { id: own }] } })
    expect(await all.next()).toMatchObject({ status: 200 })
    await instance.queue.cancelAllUpcomingJobs({ jobType: 'd' })
  })
})

class Stream implements AsyncDisposable {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  readonly #messages: Message[] = []
  #text = ''

  constructor({ body }: Response) {
    this.#reader = body?.getReader()
  }

  /** @throws Error if the stream ends. */
  async next(): Promise<Message> {
    for (;;) {
      const message = this.#messages.shift()
      if (message !== undefined) return message
      const { done = true, value = new Uint8Array() } = (await this.#reader?.read()) ?? {}
      if (done) throw new Error('the stream has ended')
      const parts = (this.#text + Buffer.from(value).toString()).split('\n\n')
      this.#text = parts.pop() ?? ''
      for (const part of parts) if (part.startsWith('data: ')) this.#messages.push(JSON.parse(part.slice(6)))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader?.cancel()
  }
}
