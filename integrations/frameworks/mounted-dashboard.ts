import type { JobQueue } from 'millrace'
import { expect } from 'vitest'

const CHANGE = { 'content-type': 'application/json', 'x-millrace-dashboard': '1' }

interface Mounted {
  /** Of the server, without a slash at the end. */
  readonly url: string
  readonly base: string
  /** What the dashboard shows. */
  readonly queue: Pick<JobQueue, 'getJob'>
}

/** Fails unless the dashboard is there, whole: its page and files, what it reads, and what it changes, for nobody but its own page. */
export async function expectMounted({ url, base, queue }: Mounted): Promise<void> {
  /** With its body read, so that the connection is free again. */
  const ask = async (
    path: string,
    init: RequestInit = {},
  ): Promise<{ status: number; headers: Headers; text: string }> => {
    const response = await fetch(url + path, init)
    return { status: response.status, headers: response.headers, text: await response.text() }
  }
  for (const path of [base, `${base}/`]) {
    const page = await ask(path)
    expect(page.headers.get('content-security-policy')).toContain("default-src 'self'")
    expect(page.text).toContain(`name="millrace-base" content="${base}"`)
    const files = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file = '']) => file)
    expect(files.length).toBe(3)
    for (const file of files) expect((await ask(file)).status).toBe(200)
  }
  const body = JSON.stringify({ jobType: 'mail', payload: { to: `ada of ${base}`, text: 'Grüße'.repeat(20_000) } })
  const added = await ask(`${base}/api/jobs`, { method: 'POST', headers: CHANGE, body })
  const { id } = JSON.parse(added.text)
  expect((await queue.getJob(id))?.payload).toEqual(JSON.parse(body).payload)
  const cancel = async (headers: Record<string, string>): Promise<number> =>
    (await ask(`${base}/api/jobs/${id}/cancel`, { method: 'POST', headers })).status
  expect(await cancel({ ...CHANGE, origin: 'https://evil.example' })).toBe(403)
  expect(await cancel({})).toBe(403)
  // As the page itself sends it; the server may know itself by another name than the one it was asked by.
  expect(await cancel({ 'x-millrace-dashboard': '1', 'sec-fetch-site': 'same-origin', origin: url })).toBe(200)
  expect((await queue.getJob(id))?.status).toBe('cancelled')
  expect(JSON.parse((await ask(`${base}/api/jobs?limit=1`)).text)).toMatchObject({
    jobs: [{ id, status: 'cancelled' }],
  })
  expect(await firstPushed(`${url}${base}/api/events?path=/jobs/${id}`)).toMatchObject({
    path: `/jobs/${id}`,
    body: { job: { id, status: 'cancelled' } },
  })
  expect(await ask(`${base}/api/jobs`, { method: 'HEAD' })).toMatchObject({ status: 200, text: '' })
  expect((await ask(`${base}/assets/none.js`)).status).toBe(404)
  expect((await ask(`${base}/api/nothing`)).status).toBe(404)
  const numbers = await ask(`${base}/metrics`)
  expect(numbers.headers.get('content-type')).toContain('text/plain')
  expect(numbers.text).toContain('# TYPE millrace_jobs gauge')
}

/** The first message of a stream, which is then left. */
async function firstPushed(url: string): Promise<unknown> {
  const leave = new AbortController()
  const { body } = await fetch(url, { signal: AbortSignal.any([leave.signal, AbortSignal.timeout(10_000)]) })
  let text = ''
  for await (const chunk of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk
    const [, data] = /^data: (.*)\n/m.exec(text) ?? []
    if (data === undefined) continue
    leave.abort()
    return JSON.parse(data)
  }
  throw new Error(`the stream ended before it said anything: ${text}`)
}
