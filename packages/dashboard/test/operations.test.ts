import { serveDashboard, type DashboardServer } from '@millrace/dashboard'
import { defineJobs, initJobQueue, type JobHandler } from 'millrace'
import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { hasChromium, launchChromium } from './chromium.ts'
import { hasServer, serverUrl, useCleanup, useInstance } from './instance.ts'
import { openPage, type WatchedPage } from './watched-page.ts'

const HOUR_MS = 3_600_000
/** A shop's evening: what its operator would see. */
const handlers: Readonly<Record<string, JobHandler>> = {
  'hook.post': (payload) => {
    throw new TypeError(`connect ECONNREFUSED 10.0.0.${String(Reflect.get(Object(payload), 'n'))}:443`)
  },
  'invoice.render': (payload) => {
    throw new RangeError(`Invoice ${String(Reflect.get(Object(payload), 'n'))} has no lines`)
  },
  'order.check': () => Promise.resolve('in stock'),
  'order.charge': () => Promise.resolve('paid'),
}

const WELCOME = z.object({
  to: z.email().describe('Where it is sent'),
  tone: z.enum(['warm', 'formal']),
  tries: z.int().min(1).optional(),
  topics: z.array(z.string().min(1)),
  sender: z.object({ name: z.string().refine((name) => name.length > 1, 'too short') }).optional(),
})

interface Filled {
  readonly flow: Readonly<Record<string, number>>
  readonly batch: number
}

describe.skipIf(!hasServer || !hasChromium)('what an operator does, in Chromium', { timeout: 90_000 }, () => {
  const instance = useInstance('dash_operations')
  const cleanup = useCleanup()
  let browser: Browser
  let server: DashboardServer
  let filled: Filled

  beforeAll(async () => {
    browser = await launchChromium()
    filled = await fill()
    server = await serveDashboard(instance.queue, { jobTypes: ['mail.send'] })
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

  /** Nobody else's: a job that nobody handles would fail. */
  async function runOnly(some: Readonly<Record<string, JobHandler>>): Promise<void> {
    const processor = instance.queue.createProcessor(some, { heartbeat: 'main', jobType: Object.keys(some) })
    while ((await processor.start()) > 0);
  }

  async function fill(): Promise<Filled> {
    const { queue } = instance
    const many = (count: number, jobType: string, more: object = {}): Promise<number[]> =>
      queue.addJobs(Array.from({ length: count }, (_, n) => ({ jobType, payload: { n }, maxAttempts: 1, ...more })))
    await many(14, 'hook.post')
    await many(5, 'invoice.render')
    await many(2, 'hook.post', { maxAttempts: 5 })
    const flow = await queue.addFlow({
      check: { jobType: 'order.check', payload: {} },
      charge: { jobType: 'order.charge', payload: {}, dependsOn: { nodes: ['check'] } },
      pack: { jobType: 'order.pack', payload: {}, dependsOn: { nodes: ['charge'] } },
      invoice: { jobType: 'order.invoice', payload: {}, dependsOn: { nodes: ['charge'] } },
      ship: { jobType: 'order.ship', payload: {}, dependsOn: { nodes: ['pack', 'invoice'] } },
    })
    await runOnly(handlers)
    const items = Array.from({ length: 30 }, () => ({
      jobType: 'image.resize',
      payload: {},
      runAt: new Date(Date.now() + HOUR_MS),
    }))
    const { id: batch } = await queue.addBatch(items, { onComplete: { jobType: 'gallery.publish', payload: {} } })
    await many(4, 'mail.send', { queue: 'outbox' })
    await many(7, 'report.build', { group: { id: 'acme' } })
    return { flow, batch }
  }

  const open = async (hash: string, options: Parameters<typeof openPage>[2] = {}): Promise<WatchedPage> => {
    current = cleanup(await openPage(browser, `${server.url}#/${hash}`, options))
    await current.page.waitForSelector('main h1')
    return current
  }

  test.each(['light', 'dark'] as const)('the screens of operations are accessible (%s)', async (colorScheme) => {
    const { groups } = await instance.queue.getFailureGroups()
    const screens = [
      'errors',
      `errors/${groups[0]?.fingerprint}`,
      'lanes',
      'types',
      'audit',
      `jobs/${filled.flow['charge']}`,
      `jobs/${filled.batch}`,
    ]
    const watched = await open('', { colorScheme })
    for (const [at, screen] of screens.entries()) {
      await watched.visit(screen)
      if (screen.startsWith('jobs/')) await watched.page.getByRole('region', { name: 'Workflow' }).waitFor()
      expect([screen, ...(await watched.violations())]).toEqual([screen])
      await watched.picture(`${colorScheme}-${['errors', 'error', 'lanes', 'types', 'audit', 'flow', 'batch'][at]}`)
    }
    await watched.page.setViewportSize({ width: 375, height: 720 })
    for (const screen of screens) {
      await watched.visit(screen)
      const width = await watched.page.evaluate<number>('document.documentElement.scrollWidth')
      expect([screen, width <= 375]).toEqual([screen, true])
      expect([screen, ...(await watched.violations())]).toEqual([screen])
    }
    await watched.picture(`${colorScheme}-errors-phone`)
  })

  test('failures of one cause are one line, and come back together', async () => {
    const watched = await open('errors')
    const { page } = watched
    const row = page.getByRole('row').filter({ hasText: 'Invoice <n> has no lines' })
    await row.getByText('5 for good').waitFor()
    await page
      .getByRole('row')
      .filter({ hasText: 'connect ECONNREFUSED' })
      .getByText('14 for good, 2 retrying')
      .waitFor()
    await row.getByRole('link', { name: /has no lines/ }).click()
    await page.getByRole('heading', { name: 'RangeError' }).waitFor()
    await page.getByRole('button', { name: 'Redrive 5 jobs' }).click()
    expect(await watched.violations()).toEqual([])
    await page.getByRole('dialog').getByRole('button', { name: 'Redrive' }).click()
    await page.getByText('5 jobs made pending again.').waitFor()
    expect(await instance.queue.getJobIds({ jobType: 'invoice.render', status: 'failed' })).toEqual([])
    await page.getByRole('alert').getByText('Nothing has failed like this lately.').waitFor()
    await instance.queue.cancelAllUpcomingJobs({ jobType: 'invoice.render' })
  })

  test('a workflow is drawn, leads to its jobs and follows what happens', async () => {
    const watched = await open(`jobs/${filled.flow['charge']}`)
    const { page } = watched
    const drawn = page.getByRole('region', { name: 'Workflow' })
    await drawn.getByRole('link', { name: /^order\.check \d+ · completed/ }).waitFor()
    await drawn.getByRole('link', { name: /^order\.ship .*waits for order\.(pack|invoice)/ }).waitFor()
    await drawn.getByText('2 of 5 completed').waitFor()
    await runOnly({ 'order.pack': () => Promise.resolve(null), 'order.invoice': () => Promise.resolve(null) })
    await drawn.getByText('4 of 5 completed').waitFor()
    await drawn.getByRole('link', { name: /^order\.ship/ }).click()
    await page.waitForURL(`**/#/jobs/${filled.flow['ship']}`)
    await page.goto(`${server.url}#/jobs/${filled.batch}`)
    await page.getByRole('link', { name: 'image.resize ×30 30 pending' }).waitFor()
    expect(await page.getByRole('region', { name: 'Workflow' }).getByRole('link').count()).toBe(2)
  })

  test('queues and groups tell who is next', async () => {
    const { page } = await open('lanes')
    await page.getByRole('table', { name: 'Queues' }).getByRole('cell', { name: 'outbox', exact: true }).waitFor()
    const held = instance.queue.createProcessor(
      {
        'report.build': (_payload, signal) =>
          new Promise((resolve) => signal.addEventListener('abort', () => resolve(null))),
      },
      { heartbeat: 'main', jobType: 'report.build', concurrency: 2, groupConcurrency: 2 },
    )
    held.startInBackground()
    const row = page.getByRole('row').filter({ hasText: 'acme' })
    await row.getByText('2 of 2').waitFor()
    expect(await row.getByRole('cell').nth(3).innerText()).toBe('5')
    await row.getByRole('link', { name: 'acme' }).click()
    await page.getByRole('table', { name: 'Jobs' }).waitFor()
    expect(page.url()).toContain('groupId=acme')
    await instance.queue.cancelAllUpcomingJobs({ jobType: 'report.build' })
    await held.stopAndDrain(100)
  })

  test('all that match are counted, changed, cancelled and retried', async () => {
    const { queue } = instance
    const runAt = new Date(Date.now() + HOUR_MS)
    await queue.addJobs(Array.from({ length: 620 }, () => ({ jobType: 'bulk', payload: {}, runAt })))
    const watched = await open('jobs?jobType=bulk')
    const { page } = watched
    const begin = async (action: string, count: string): Promise<void> => {
      await page.getByRole('button', { name: 'All that match…' }).click()
      await page.getByRole('radio', { name: action }).check()
      await page.getByRole('dialog').getByText(count).waitFor()
    }
    await begin('Change priority', '620 jobs match.')
    expect(await watched.violations()).toEqual([])
    await page.getByLabel('Priority', { exact: true }).fill('7')
    await page.getByRole('button', { name: 'Change 620' }).click()
    await page.getByText('620 jobs changed.').waitFor()
    expect((await queue.getJobIds({ jobType: 'bulk', priority: 7 }, 1000)).length).toBe(620)
    await begin('Cancel the pending', '620 jobs match.')
    await page.getByRole('button', { name: 'Cancel 620' }).click()
    await page.getByText('620 jobs cancelled.').waitFor()
    expect((await queue.getJobIds({ jobType: 'bulk', status: 'cancelled' }, 1000)).length).toBe(620)
    await begin('Cancel the pending', 'No jobs match.')
    expect(await page.getByRole('button', { name: 'Cancel', exact: true }).isDisabled()).toBe(true)
    await page.getByRole('button', { name: 'Leave them' }).click()
    await begin('Retry those', '620 jobs match.')
    await page.getByRole('button', { name: 'Retry 620' }).click()
    await page.getByText('620 jobs made pending again.').waitFor()
    expect((await queue.getJobIds({ jobType: 'bulk', status: 'pending' }, 1000)).length).toBe(620)
    await queue.cancelAllUpcomingJobs({ jobType: 'bulk' })
  })

  test('a queue and a type are paused with a reason and an end, seen everywhere, and resumed', async () => {
    const { queue } = instance
    const watched = await open('lanes')
    const { page } = watched
    const row = page.getByRole('row').filter({ hasText: 'outbox' })
    await row.getByRole('button', { name: 'Pause queue outbox' }).click()
    await page.getByLabel('Reason').fill('the relay moves house')
    await page.getByLabel('Until').fill('2999-01-01T00:00:00')
    expect(await watched.violations()).toEqual([])
    await page.getByRole('dialog').getByRole('button', { name: 'Pause' }).click()
    await page.getByText('Paused: queue outbox.').waitFor()
    await row.getByText('paused').waitFor()
    expect(await queue.getPauses()).toMatchObject([{ scope: { queue: 'outbox' }, reason: 'the relay moves house' }])
    const banner = page.getByRole('status').filter({ hasText: 'queue outbox, the relay moves house' })
    await banner.waitFor()
    await page.goto(`${server.url}#/types`)
    await page.getByRole('button', { name: 'Pause type mail.send' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Pause' }).click()
    await page.getByRole('row').filter({ hasText: 'mail.send' }).getByText('paused').waitFor()
    await banner.getByText('and 1 more').waitFor()
    expect(await watched.violations()).toEqual([])
    await page.getByRole('button', { name: 'Resume queue outbox' }).click()
    await page.getByText('Resumed: queue outbox.').waitFor()
    await page.getByRole('table').getByRole('button', { name: 'Resume type mail.send' }).click()
    await page.getByText('Nothing is paused.').waitFor()
    expect(await queue.getPauses()).toEqual([])
    expect(await page.locator('.attention').count()).toBe(0)
  })

  test('anything can be paused by name, but nothing by forgetting to name it', async () => {
    const { page } = await open('lanes')
    await page.getByRole('button', { name: 'Pause…' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('button', { name: 'Pause' }).click()
    await page.getByRole('status').getByText('Name a `jobType`').waitFor()
    await dialog.getByLabel('Group').fill('nowhere')
    await dialog.getByLabel('Tenant').fill('acme')
    await dialog.getByRole('button', { name: 'Pause' }).click()
    await page.getByRole('listitem').filter({ hasText: 'group nowhere of tenant acme' }).waitFor()
    await page.getByRole('button', { name: 'Resume group nowhere' }).click()
    await page.getByText('Nothing is paused.').waitFor()
    await page.getByRole('button', { name: 'Pause…' }).click()
    await dialog.getByLabel('Every job').check()
    await dialog.getByRole('button', { name: 'Pause' }).click()
    await page.getByRole('button', { name: 'Resume everything' }).click()
    await page.getByText('Nothing is paused.').waitFor()
    expect(await instance.queue.getPauses()).toEqual([])
  })

  test('what a handler says is seen while it says it', async () => {
    const id = await instance.queue.addJob({ jobType: 'talk', payload: {}, maxAttempts: 1 })
    let goOn: () => void = () => undefined
    const next = new Promise<void>((resolve) => (goOn = resolve))
    const running = runOnly({
      talk: async (_payload, _signal, ctx) => {
        ctx.log('The kettle is on', { litres: 2 })
        await next
        ctx.log('It boils over', undefined, 'error')
      },
    })
    const watched = await open(`jobs/${id}`)
    const { page } = watched
    const log = page.getByRole('log')
    await log.getByText('The kettle is on {"litres":2}').waitFor()
    expect(await log.getByText('It boils over').count()).toBe(0)
    goOn()
    await log.getByText('It boils over').waitFor()
    await running
    await page.getByLabel('From level').selectOption('error')
    await log.getByText('The kettle is on').waitFor({ state: 'detached' })
    await log.getByText('Attempt 1').waitFor()
    expect(await watched.violations()).toEqual([])
  })

  test('progress is live, and a thousand lines of a log cost no more than those in view', async () => {
    const id = await instance.queue.addJob({ jobType: 'long', payload: {}, maxAttempts: 1 })
    let goOn: () => void = () => undefined
    const next = new Promise<void>((resolve) => (goOn = resolve))
    const running = runOnly({
      long: async (_payload, _signal, ctx) => {
        await ctx.setProgress(30)
        await next
        await ctx.setProgress(60)
        for (let line = 1; line <= 1000; line++) ctx.log(`line ${line}`)
        return 'done'
      },
    })
    const watched = await open(`jobs/${id}`)
    const { page } = watched
    await page.getByText('30 %').waitFor()
    goOn()
    await running
    await page.locator('h1 + .status.completed').waitFor()
    const log = page.getByRole('log')
    await log.getByText('line 1000', { exact: false }).waitFor()
    expect(await log.locator('p:has(time)').count()).toBe(1000)
    const first = log.locator('p:has(time)').first()
    // Out of view it is not laid out, which is what makes it cheap; scrolled to, it is.
    const isDrawn = (): Promise<boolean> =>
      first.evaluate((line) => line.firstElementChild?.checkVisibility({ contentVisibilityAuto: true }) ?? false)
    expect(await isDrawn()).toBe(false)
    await first.scrollIntoViewIfNeeded()
    await expect.poll(isDrawn).toBe(true)
    expect(await watched.violations()).toEqual([])
  })

  test('the audit tells who did what, also through a name that authorize gives', async () => {
    await using named = await serveDashboard(instance.queue, { authorize: () => ({ actor: 'grace@example.com' }) })
    const id = await instance.queue.addJob({ jobType: 'noted', payload: {}, runAt: new Date(Date.now() + HOUR_MS) })
    const watched = cleanup(await openPage(browser, `${named.url}#/jobs/${id}`))
    const { page } = watched
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.getByRole('button', { name: 'Cancel the job' }).click()
    await page.getByText(`Job ${id} is cancelled.`).waitFor()
    await page.getByRole('link', { name: 'Audit' }).click()
    const row = page.getByRole('row').filter({ hasText: 'cancelJob' }).filter({ hasText: 'grace@example.com' })
    await row.getByText('done').waitFor()
    expect(await watched.violations()).toEqual([])
    await row.getByRole('link', { name: String(id) }).click()
    await page.waitForURL(`**/#/jobs/${id}`)
    expect(watched.faults).toEqual([])
  })

  test('a job is added by the form that its schema makes, and what the schema refuses is told', async () => {
    const jobs = defineJobs({ 'mail.welcome': { payload: WELCOME, handler: () => Promise.resolve(null) } })
    await using queue = initJobQueue({
      databaseConfig: { connectionString: serverUrl, max: 2 },
      schema: 'dash_operations',
      listen: false,
      jobs,
    })
    const own = cleanup(await serveDashboard(queue))
    const watched = cleanup(await openPage(browser, `${own.url}#/types`))
    const { page } = watched
    const row = page.getByRole('row').filter({ hasText: 'mail.welcome' })
    await row.getByText('has a schema').waitFor()
    await row.getByRole('link', { name: 'Add a job of type mail.welcome' }).click()
    await page.getByLabel('to', { exact: true }).fill('ada@example.com')
    await page.getByText('Where it is sent').waitFor()
    await page.getByLabel('tone').selectOption('formal')
    await page.getByLabel('tries (optional)').fill('2')
    await page.getByRole('button', { name: 'Add to topics' }).click()
    await page.getByLabel('topics 1', { exact: true }).fill('news')
    await page.getByLabel('Give sender').check()
    await page.getByLabel('name').fill('x')
    expect(await watched.violations()).toEqual([])
    await watched.picture('light-add-form')
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    // What no form can know is said by the engine.
    await page.getByRole('alert').getByText('sender.name').waitFor()
    await page.getByLabel('name').fill('Grace')
    await page.getByRole('button', { name: 'Payload as JSON' }).click()
    const text = await page.getByLabel('Payload (JSON)').inputValue()
    const payload = { to: 'ada@example.com', tone: 'formal', tries: 2, topics: ['news'], sender: { name: 'Grace' } }
    expect(JSON.parse(text)).toEqual(payload)
    await page.getByRole('button', { name: 'Payload as a form' }).click()
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await page.waitForURL(/#\/jobs\/\d+$/)
    expect((await instance.queue.getJob(Number(page.url().split('/').at(-1))))?.payload).toEqual(payload)
    expect(watched.faults).toEqual([])
    await instance.queue.cancelAllUpcomingJobs({ jobType: 'mail.welcome' })
  })
})
