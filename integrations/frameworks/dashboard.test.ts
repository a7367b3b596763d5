import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { initJobQueue } from 'millrace'
import type { JobQueue } from 'millrace'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { App } from './app.ts'

const serverUrl = process.env['MILLRACE_TEST_PG18_URL'] ?? ''
const apps = join(dirname(fileURLToPath(import.meta.url)), 'apps')
const CHANGE = { 'content-type': 'application/json', 'x-millrace-dashboard': '1' }

describe.skipIf(serverUrl === '').each(['node:http', 'express', 'fastify', 'hono'])('the dashboard in %s', (name) => {
  const schema = `dash_${name.replace(':', '_')}`
  const databaseUrl = `${serverUrl}${serverUrl.includes('?') ? '&' : '?'}search_path=${schema}`
  let app: App
  let queue: JobQueue

  beforeAll(async () => {
    const client = new pg.Client(serverUrl)
    await client.connect()
    await client.query(`drop schema if exists ${schema} cascade`)
    await client.end()
    queue = initJobQueue({ databaseConfig: { connectionString: databaseUrl, max: 2 }, listen: false })
    await queue.ready()
    app = await App.start([process.execPath, join(apps, 'dashboard.mjs'), name], {
      cwd: apps,
      env: { DATABASE_URL: databaseUrl },
    })
  })
  afterAll(async () => {
    await app.stop('SIGKILL')
    await queue.close()
  })

  /** With its body read, so that the connection is free again. */
  const ask = async (
    path: string,
    init: RequestInit = {},
  ): Promise<{ status: number; headers: Headers; text: string }> => {
    const response = await fetch(app.url + path, init)
    return { status: response.status, headers: response.headers, text: await response.text() }
  }

  test.each(['/admin/jobs', '/q'])('answers at %s: the page, its files, reads and changes', async (base) => {
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
    expect(await cancel({ 'x-millrace-dashboard': '1' })).toBe(200)
    expect((await queue.getJob(id))?.status).toBe('cancelled')
    expect(JSON.parse((await ask(`${base}/api/jobs?limit=1`)).text)).toMatchObject({
      jobs: [{ id, status: 'cancelled' }],
    })
    expect(await ask(`${base}/api/jobs`, { method: 'HEAD' })).toMatchObject({ status: 200, text: '' })
    expect((await ask(`${base}/assets/none.js`)).status).toBe(404)
    expect((await ask(`${base}/api/nothing`)).status).toBe(404)
  })
})
