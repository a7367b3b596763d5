import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { toNodeHandler } from '@millrace/dashboard'
import { createStatusRoute } from 'millrace/http'
import type { Browser } from 'playwright-core'
import { build, type Rollup } from 'vite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasChromium, launchChromium } from './chromium.ts'
import { hasServer, useInstance } from './instance.ts'

describe.skipIf(!hasServer || !hasChromium)('a component that follows a job, in Chromium', { timeout: 60_000 }, () => {
  const instance = useInstance('dash_react')
  let browser: Browser
  let server: Server
  const asked: string[] = []

  beforeAll(async () => {
    browser = await launchChromium()
    const script = await bundle(join(import.meta.dirname, '../../react/test/push-page.tsx'))
    const status = createStatusRoute(instance.queue, {
      authorize: (_, job) => job.tenantId === 'acme',
      intervalMs: 100,
    })
    server = createServer(
      toNodeHandler(async (request) => {
        const { pathname } = new URL(request.url)
        const type = { headers: { 'content-type': 'text/html' } }
        if (pathname === '/') return new Response('<!doctype html><script type=module src=/page.js></script>', type)
        if (pathname === '/page.js') return new Response(script, { headers: { 'content-type': 'text/javascript' } })
        if (pathname.startsWith('/jobs/')) asked.push(request.headers.get('accept') ?? '')
        return status(request)
      }),
    ).listen(0, '127.0.0.1')
    await once(server, 'listening')
  })
  afterAll(async () => {
    await browser.close()
    server.close()
    server.closeAllConnections()
  })

  test('is pushed a failure that is tried again, the retry and the end, and lets go of the stream then', async () => {
    const { queue } = instance
    const id = await queue.addJob({ jobType: 'export', payload: {}, maxAttempts: 2, tenantId: 'acme' })
    const page = await browser.newPage()
    const { port } = server.address() as AddressInfo
    await page.goto(`http://127.0.0.1:${port}/?id=${id}`)
    await page.getByRole('heading', { name: 'pending' }).waitFor()
    await instance.run({ export: () => Promise.reject(new Error('the disk is full')) })
    await page.getByRole('heading', { name: 'retrying' }).waitFor()
    await queue.retryJob(id)
    await page.getByRole('heading', { name: 'pending' }).waitFor()
    await instance.run({ export: () => Promise.resolve({ url: '/export.csv' }) })
    await page.getByRole('heading', { name: 'completed' }).waitFor()
    expect(await page.locator('#output').innerText()).toBe('{"url":"/export.csv"}')
    await page.waitForFunction("document.title.endsWith('complete')")
    const told = await page.title()
    expect(told).not.toContain('failed for good')
    expect(told.split(', ').filter((one) => one === 'complete')).toHaveLength(1)
    const streams = asked.filter((accept) => accept.includes('text/event-stream'))
    expect(streams).toHaveLength(1)
    // Once at first, once the stream is open, and once for each message of it; a render alone asks nothing.
    expect(asked.length).toBeLessThan(12)
    await page.close()
  })
})

async function bundle(input: string): Promise<string> {
  const result = await build({
    configFile: false,
    logLevel: 'error',
    build: { write: false, rollupOptions: { input } },
    root: join(input, '..'),
  })
  const { output } = (Array.isArray(result) ? result[0] : result) as Rollup.RollupOutput
  return output[0].code
}
