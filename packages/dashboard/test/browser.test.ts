import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { serveDashboard, type DashboardServer } from '@millrace/dashboard'
import type { Processor } from 'millrace'
import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { hasChromium, launchChromium } from './chromium.ts'
import { fill, type Filled } from './fill.ts'
import { hasServer, useCleanup, useInstance } from './instance.ts'
import { openPage, type WatchedPage } from './watched-page.ts'

const SCREENS = ['', 'jobs', 'dead', 'types', 'schedules', 'workers', 'audit', 'health', 'add']

describe.skipIf(!hasServer || !hasChromium)('the page, in Chromium', { timeout: 90_000 }, () => {
  const instance = useInstance('dash_browser')
  const cleanup = useCleanup()
  let browser: Browser
  let server: DashboardServer
  let filled: Filled
  let processor: Processor

  beforeAll(async () => {
    browser = await launchChromium()
    filled = await fill(instance)
    processor = instance.queue.createProcessor(
      { 'mail.send': () => Promise.resolve('sent') },
      { heartbeat: 'main', jobType: 'mail.send', concurrency: 4 },
    )
    server = await serveDashboard(instance.queue, { basePath: '/admin/jobs' })
  })
  afterAll(async () => {
    await server.close()
    await browser.close()
  })
  let current: WatchedPage | undefined
  afterEach(() => {
    const faults = current?.faults ?? []
    current = undefined
    if (faults.length > 0) throw new Error(faults.join('\n'))
  })

  const open = async (hash: string, options: Parameters<typeof openPage>[2] = {}): Promise<WatchedPage> => {
    current = cleanup(await openPage(browser, `${server.url}#/${hash}`, options))
    await current.page.waitForSelector('main h1')
    return current
  }

  test.each(['light', 'dark'] as const)(
    'every screen is accessible (%s)',
    async (colorScheme) => {
      const screens = [
        ...SCREENS,
        ...[filled.dead, filled.steps, filled.dependent, filled.later].map((id) => `jobs/${id}`),
      ]
      const watched = await open('', { colorScheme })
      for (const screen of screens) {
        await watched.visit(screen)
        expect([screen, ...(await watched.violations())]).toEqual([screen])
        await watched.picture(`${colorScheme}-${screen.replace('/', '-') || 'overview'}`)
      }
    },
    90_000,
  )

  test('every screen fits a phone', async () => {
    const watched = await open('', { viewport: { width: 375, height: 720 } })
    for (const screen of [...SCREENS, `jobs/${filled.dead}`]) {
      await watched.visit(screen)
      const width = await watched.page.evaluate<number>('document.documentElement.scrollWidth')
      expect([screen, width <= 375]).toEqual([screen, true])
      expect([screen, ...(await watched.violations())]).toEqual([screen])
      await watched.picture(`phone-${screen.replace('/', '-') || 'overview'}`)
    }
  })

  test('the overview leads on, and follows what happens', async () => {
    const watched = await open('')
    const { page } = watched
    await page.getByRole('link', { name: /13\s*completed/ }).waitFor()
    const id = await instance.queue.addJob({ jobType: 'mail.send', payload: {} })
    await page.getByText('No worker is running').waitFor()
    await processor.start()
    await page.getByRole('link', { name: /14\s*completed/ }).waitFor()
    await page.getByRole('img', { name: /Completed per second/ }).waitFor()
    const done = page.getByRole('table', { name: 'Done by type' })
    await done.getByRole('link', { name: 'mail.send' }).waitFor()
    await page.getByRole('group', { name: 'How far back' }).getByRole('button', { name: 'Day', exact: true }).click()
    await page
      .getByRole('img', { name: /by 15 minutes/ })
      .first()
      .waitFor()
    await watched.picture('light-overview-live')
    await page.getByRole('link', { name: /14\s*completed/ }).click()
    await page.getByRole('link', { name: String(id), exact: true }).waitFor()
    expect(page.url()).toContain('#/jobs?status=completed')
  })

  test('what is pushed is not asked for; without a stream, and after it, it asks again and again', async () => {
    const id = await instance.queue.addJob({ jobType: 'mail.send', payload: {}, runAt: new Date(Date.now() + 1e8) })
    const { page } = await open(`jobs/${id}`)
    const [stream] = await Promise.all([
      page.waitForResponse((response) => response.url().includes('/api/events?')),
      page.reload(),
    ])
    await page.getByRole('region', { name: 'Facts' }).waitFor()
    expect(stream.status()).toBe(200)
    let asked = 0
    page.on('request', (request) => {
      if (request.url().endsWith(`/api/jobs/${id}`)) asked += 1
    })
    await instance.queue.editJob(id, { priority: 4 })
    await page.getByRole('definition').filter({ hasText: /^4$/ }).waitFor()
    expect(asked).toBe(0)
    await page.route('**/api/events?*', (route) => route.fulfill({ status: 503, body: '{}' }))
    await page.reload()
    await page.getByRole('region', { name: 'Facts' }).waitFor()
    await instance.queue.editJob(id, { priority: 5 })
    await page.getByRole('definition').filter({ hasText: /^5$/ }).waitFor()
    expect(asked).toBeGreaterThan(1)
    await page.unroute('**/api/events?*')
    await instance.queue.cancelJob(id)
  })

  test('pages go on where the one before ended', async () => {
    const ids = await instance.queue.addJobs(
      Array.from({ length: 120 }, () => ({ jobType: 'many', payload: {}, runAt: new Date(Date.now() + 1e8) })),
    )
    const { page } = await open('jobs?jobType=many')
    const shown = async (): Promise<number[]> =>
      (await page.locator('tbody td:first-child').allInnerTexts()).map(Number)
    const seen: number[] = []
    for (const label of ['Page 1', 'Page 2', 'Page 3']) {
      await page.getByText(label).waitFor()
      await page.getByRole('link', { name: String(ids.at(-1 - seen.length)), exact: true }).waitFor()
      seen.push(...(await shown()))
      if (label !== 'Page 3') await page.getByRole('button', { name: 'Older' }).click()
    }
    expect(seen).toEqual(ids.toReversed())
    await page.getByRole('button', { name: 'Newer' }).click()
    await page.getByText('Page 2').waitFor()
    await instance.queue.cancelAllUpcomingJobs({ jobType: 'many' })
  })

  test('a job shows its errors with cause, steps and relations', async () => {
    const { page } = await open(`jobs/${filled.dead}`)
    await page.getByText('The template has no such field').first().waitFor()
    await page.getByText('Caused by TypeError: undefined is not a number').click()
    await page.goto(`${server.url}#/jobs/${filled.steps}`)
    await page.getByRole('region', { name: 'Steps' }).getByText('charge').waitFor()
    await page.goto(`${server.url}#/jobs/${filled.dependent}`)
    await page.getByRole('region', { name: 'Where it stands' }).getByText(String(filled.later)).waitFor()
    await page.getByRole('table', { name: 'Jobs it waits for' }).getByText(String(filled.later)).waitFor()
    await page.goto(`${server.url}#/jobs/99999999`)
    await page.getByRole('alert').getByText('There is no such job.').waitFor()
    expect(await page.locator('h1').count()).toBe(0)
  })

  test('a job is edited, run now, cancelled and retried', async () => {
    const runAt = new Date(Date.now() + 3_600_000)
    const id = await instance.queue.addJob({ jobType: 'mail.send', payload: { to: 'ada' }, runAt })
    const watched = await open(`jobs/${id}`)
    const { page } = watched
    const stored = async (): Promise<unknown> => instance.queue.getJob(id)
    await page.getByRole('button', { name: 'Edit' }).click()
    await page.getByLabel('Payload (JSON)').fill('{"to": ')
    expect(await page.getByRole('button', { name: 'Save' }).isDisabled()).toBe(true)
    await page.getByLabel('Payload (JSON)').fill('{"to": "bob"}')
    await page.getByLabel('Priority').fill('7')
    await page.getByLabel('Tags, with commas').fill('urgent, mail')
    expect(await watched.violations()).toEqual([])
    await watched.picture('light-edit')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText(`Job ${id} is changed.`).waitFor()
    expect(await stored()).toMatchObject({ payload: { to: 'bob' }, priority: 7, tags: ['urgent', 'mail'] })
    expect(((await stored()) as { runAt: Date }).runAt).toEqual(runAt)
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.getByRole('button', { name: 'Keep it' }).click()
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.getByRole('button', { name: 'Cancel the job' }).click()
    await page.getByText(`Job ${id} is cancelled.`).waitFor()
    expect(await stored()).toMatchObject({ status: 'cancelled' })
    await page.getByRole('button', { name: 'Retry' }).click()
    await page.getByText(`Job ${id} is pending again.`).waitFor()
    await instance.queue.editJob(id, { runAt })
    await page.getByRole('button', { name: 'Run now' }).click()
    await page.getByText(`Job ${id} is due now.`).waitFor()
    await processor.start()
    await page.locator('h1 + .status.completed').waitFor()
    expect(await page.getByRole('button', { name: 'Retry' }).count()).toBe(0)
  })

  test('a schedule is run, skipped, paused and resumed', async () => {
    const watched = await open('schedules')
    const { page } = watched
    const stored = async (): Promise<unknown> => instance.queue.getCronJob(filled.schedule)
    await page.getByText('30 2 * * * (Europe/Berlin)').waitFor()
    await page.getByText('every day at 02:30').waitFor()
    await page.getByText(/On Sunday \d+ March \d+ the clock skips 02:30; it runs at 03:00\./).waitFor()
    expect(await page.locator('.runs').first().getByRole('listitem').count()).toBe(5)
    await page.getByRole('button', { name: 'Run now' }).click()
    await page.getByText('A job of nightly-report is added.').waitFor()
    await page.getByRole('button', { name: 'Skip next' }).click()
    await page.getByText('The next run of nightly-report is passed over.').waitFor()
    await page.getByRole('button', { name: 'Pause' }).click()
    await page.getByRole('button', { name: 'Resume' }).waitFor()
    expect(await stored()).toMatchObject({ status: 'paused' })
    await page.getByRole('button', { name: 'Resume' }).click()
    await page.getByText('nightly-report goes on.').waitFor()
    expect(await stored()).toMatchObject({ status: 'active' })
    await page.getByRole('button', { name: 'History' }).click()
    await page.getByRole('dialog').getByRole('cell', { name: 'run', exact: true }).waitFor()
    expect(await watched.violations()).toEqual([])
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click()
    await instance.queue.cancelAllUpcomingJobs({ jobType: 'report.build' })
  })

  test('dead letters are counted, and brought back only then', async () => {
    const watched = await open('dead?jobType=report.build')
    const { page } = watched
    await page.getByRole('link', { name: String(filled.dead), exact: true }).waitFor()
    await page.getByRole('button', { name: 'Redrive…' }).click()
    await page.getByRole('dialog').getByText('One job matches').waitFor()
    expect(await watched.violations()).toEqual([])
    await page.getByRole('button', { name: 'Leave them' }).click()
    expect((await instance.queue.getJob(filled.dead))?.status).toBe('failed')
    await page.getByRole('button', { name: 'Redrive…' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Redrive' }).click()
    await page.getByText('1 job made pending again.').waitFor()
    expect((await instance.queue.getJob(filled.dead))?.status).toBe('pending')
    await page.getByText('No jobs match.').waitFor()
    await page.getByRole('button', { name: 'Redrive…' }).click()
    await page.getByText('There is nothing to bring back.').waitFor()
  })

  test('a job is added, and what is wrong with one is told', async () => {
    const { page } = await open('add')
    await page.getByLabel('Type').fill('mail.send')
    await page.keyboard.press('Enter')
    await page.getByLabel('Payload (JSON)').fill('{"to": "new"}')
    await page.getByText('Options').click()
    await page.getByLabel('Tags, with commas').fill('a, b')
    await page.getByLabel('Attempts at most').fill('0')
    await page.getByRole('button', { name: 'Add' }).click()
    await page.getByText('maxAttempts').last().waitFor()
    await page.getByLabel('Attempts at most').fill('2')
    await page.getByRole('button', { name: 'Add' }).click()
    await page.waitForURL(/#\/jobs\/\d+$/)
    const id = Number(page.url().split('/').at(-1))
    expect(await instance.queue.getJob(id)).toMatchObject({ payload: { to: 'new' }, tags: ['a', 'b'], maxAttempts: 2 })
    await instance.queue.cancelJob(id)
  })

  test('workers are shown while they run', async () => {
    processor.startInBackground()
    const watched = await open('workers')
    await watched.page.getByRole('cell', { name: 'alive' }).waitFor()
    expect(await watched.violations()).toEqual([])
    await watched.picture('light-workers-alive')
    await processor.stopAndDrain()
    await watched.page.getByText('No worker is running').waitFor()
  })

  test('the invariants are checked on request', async () => {
    const { page } = await open('health')
    await page
      .getByRole('table', { name: 'Tables' })
      .getByRole('cell', { name: 'finished_jobs', exact: true })
      .waitFor()
    await page.getByRole('button', { name: 'Check now' }).click()
    await page.getByText('Every invariant holds.').waitFor()
    expect(await page.getByRole('status').innerText()).toBe('All is well.')
  })

  test('it can be used by keys alone, and the keys be turned off', async () => {
    const { page } = await open('')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    expect(await page.evaluate('document.activeElement.id')).toBe('main')
    await page.keyboard.type('gj')
    await page.waitForURL(/#\/jobs/)
    // Rows of this list: the overview has some of its own, until it is gone.
    await page.getByRole('search', { name: 'Jobs' }).waitFor()
    await page.locator('main tbody td:first-child a[href^="#/jobs/"]').nth(1).waitFor()
    await page.keyboard.type('jj')
    const id = await page.evaluate<string>('document.activeElement.textContent')
    await page.keyboard.press('Enter')
    await page.waitForURL(`**/#/jobs/${id}`)
    await page.keyboard.type('gj')
    await page.getByRole('search', { name: 'Jobs' }).waitFor()
    await page.keyboard.type('/')
    expect(await page.evaluate('document.activeElement.name')).toBe('q')
    await page.locator('h1').click()
    await page.keyboard.type('?')
    await page.getByLabel('Keys are on').uncheck()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await page.keyboard.type('gs')
    await page.getByRole('heading', { name: 'Jobs' }).waitFor()
  })

  test('markup in any text is shown as text', async () => {
    const evil = '<img src=x onerror=alert(1)><script>alert(2)</script>"\'`${alert(3)}'
    const id = await instance.queue.addJob({
      jobType: evil,
      payload: { [evil]: evil },
      tags: [evil],
      group: { id: evil },
      tenantId: evil,
      idempotencyKey: evil,
      maxAttempts: 1,
    })
    await instance.run({
      [evil]: async (_payload, _signal, ctx) => {
        await ctx.run(evil, () => Promise.resolve(evil))
        ctx.log(evil, { [evil]: evil })
        throw Object.assign(new Error(evil, { cause: new Error(evil) }), { name: evil })
      },
    })
    const cron = { cronExpression: '0 0 1 1 *', jobType: evil, payload: {} }
    const schedule = await instance.queue.addCronJob({ ...cron, scheduleName: evil, tenantId: evil })
    await instance.queue.withActor(evil).pause({ jobType: evil, group: evil, tenantId: evil }, { reason: evil })
    const worker = instance.queue.createProcessor({}, { workerId: evil, jobType: evil, heartbeat: 'main' })
    worker.startInBackground()
    const watched = await open('')
    const { page } = watched
    for (const screen of [...SCREENS, 'errors', 'lanes', `jobs/${id}`, `jobs?tag=${encodeURIComponent(evil)}`]) {
      await watched.visit(screen)
      expect([screen, await page.locator('main img, main script').count()]).toEqual([screen, 0])
    }
    expect(await page.getByText(evil).count()).toBeGreaterThan(0)
    await watched.visit('workers')
    await page.getByRole('main').getByText(evil).first().waitFor()
    await worker.stopAndDrain()
    await page.goto(`${server.url}#/jobs/${id}`)
    await page.getByRole('heading', { level: 1 }).getByText(evil).waitFor()
    await page.getByRole('region', { name: 'Steps' }).getByText(evil).first().waitFor()
    await page.getByRole('log').getByText(evil).first().waitFor()
    await instance.queue.removeCronJob(schedule)
    await instance.queue.resume({ jobType: evil, group: evil, tenantId: evil })
  })

  test('the page of another site cannot cancel a job', async () => {
    const id = await instance.queue.addJob({ jobType: 'target', payload: {}, runAt: new Date(Date.now() + 1e8) })
    const target = `${server.url}api/jobs/${id}/cancel`
    const other = createServer((_, response) =>
      response.setHeader('content-type', 'text/html').end(`<form method=post action="${target}" enctype="text/plain">
        <input name='{"a":"' value='"}'></form><p>here`),
    ).listen(0, '127.0.0.1')
    await once(other, 'listening')
    const page = await browser.newPage()
    await page.goto(`http://127.0.0.1:${(other.address() as AddressInfo).port}/`)
    const attempts = [
      `fetch('${target}', { method: 'POST', body: '{}' })`,
      `fetch('${target}', { method: 'POST', mode: 'no-cors', body: '{}' })`,
      `fetch('${target}', { method: 'POST', body: '{}', headers: { 'x-millrace-dashboard': '1' } })`,
      `fetch('${server.url}api/jobs').then((response) => response.json())`,
    ]
    for (const attempt of attempts) await page.evaluate(`${attempt}.then((r) => r.type, (e) => String(e))`)
    const posted = page.waitForResponse(target)
    await page.evaluate('document.forms[0].submit()')
    expect((await posted).status()).toBe(403)
    await page.close()
    other.close()
    expect((await instance.queue.getJob(id))?.status).toBe('pending')
    await instance.queue.cancelJob(id)
  })

  test('who may only read is offered nothing else', async () => {
    const reading = cleanup(await serveDashboard(instance.queue, { readOnly: true }))
    const watched = cleanup(await openPage(browser, `${reading.url}#/jobs/${filled.later}`))
    await watched.page.getByText('read only').waitFor()
    await watched.page.getByRole('region', { name: 'Facts' }).waitFor()
    for (const name of ['Cancel', 'Edit', 'Run now'])
      expect(await watched.page.getByRole('button', { name }).count()).toBe(0)
    expect(await watched.page.getByRole('link', { name: 'Add a job' }).count()).toBe(0)
    await watched.page.goto(`${reading.url}#/add?jobType=mail.send`)
    await watched.page.getByText('Nothing can be changed here.').waitFor()
    expect(await watched.page.locator('main form').count()).toBe(0)
    for (const screen of ['lanes', 'types', 'schedules', 'dead']) {
      await watched.page.goto(`${reading.url}#/${screen}`)
      await watched.page.locator('main h1').waitFor()
      expect([
        screen,
        await watched.page.getByRole('button', { name: /Pause|Resume|Run|Redrive|Skip/ }).count(),
      ]).toEqual([screen, 0])
    }
    expect(watched.faults).toEqual([])
  })
})
