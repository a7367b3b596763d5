import { serveDashboard, type DashboardServer } from '@millrace/dashboard'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasChromium, launchChromium } from './chromium.ts'
import { fill, type Filled } from './fill.ts'
import { hasServer, useCleanup, useInstance } from './instance.ts'
import { openPage, type WatchedPage } from './watched-page.ts'

describe.skipIf(!hasServer || !hasChromium)('finding things, in Chromium', { timeout: 90_000 }, () => {
  const instance = useInstance('dash_finding')
  const cleanup = useCleanup()
  let browser: Browser
  let server: DashboardServer
  let filled: Filled

  beforeAll(async () => {
    browser = await launchChromium()
    filled = await fill(instance)
    server = await serveDashboard(instance.queue, { jobTypes: ['mail.send'] })
  })
  afterAll(async () => {
    await server.close()
    await browser.close()
  })

  const open = async (hash: string): Promise<WatchedPage> => {
    const watched = cleanup(await openPage(browser, `${server.url}#/${hash}`))
    await watched.page.waitForSelector('main h1')
    return watched
  }

  test('jobs are filtered, and the address keeps the filter', async () => {
    const { page, faults } = await open('jobs')
    await page.getByRole('link', { name: 'failed', exact: true }).click()
    await page.getByRole('link', { name: String(filled.dead), exact: true }).waitFor()
    const search = page.getByRole('combobox', { name: 'Search' })
    expect(await search.inputValue()).toBe('status:failed')
    await search.fill('status:failed type:hook.post')
    await page.getByRole('button', { name: 'Search' }).click()
    await page.getByRole('link', { name: String(filled.dead), exact: true }).waitFor({ state: 'detached' })
    await page.getByRole('link', { name: String(filled.retrying), exact: true }).waitFor()
    expect(new URLSearchParams(page.url().split('?')[1]).get('q')).toBe('status:failed type:hook.post')
    await page.reload()
    await page.getByRole('link', { name: String(filled.retrying), exact: true }).waitFor()
    await page.getByRole('link', { name: 'Clear' }).click()
    await page.getByRole('link', { name: String(filled.dead), exact: true }).waitFor()
    // Links that name what they mean one by one are understood as well.
    await page.goto(`${server.url}#/jobs?status=failed&final=true`)
    await page.getByRole('link', { name: String(filled.retrying), exact: true }).waitFor({ state: 'detached' })
    expect(await search.inputValue()).toBe('is:dead')
    expect(faults).toEqual([])
  })

  test('a search that means nothing is told what it may name', async () => {
    const watched = await open(`jobs?q=${encodeURIComponent('colour:red')}`)
    const { page } = watched
    await page.getByRole('alert').getByText('it names one of status, is, type').waitFor()
    await page.getByText('How to search').click()
    await page.getByRole('definition').filter({ hasText: 'added since two hours ago' }).waitFor()
    expect(await watched.violations()).toEqual([])
    const search = page.getByRole('combobox', { name: 'Search' })
    await search.fill('tag:even created:>-1h -tag:none')
    await search.press('Enter')
    await page.getByRole('alert').getByText('compared in one way').waitFor()
    await search.fill('tag:even,report created:>-1h')
    await search.press('Enter')
    await page.getByRole('link', { name: String(filled.dead), exact: true }).waitFor()
    expect(await page.locator('tbody tr').count()).toBe(7)
    await search.fill(`${filled.dead} type:mail.send`)
    await search.press('Enter')
    await page.getByText('No jobs match.').waitFor()
    expect(watched.faults).toEqual([])
  })

  test('Ctrl+K goes anywhere: to a screen, a job, a type, and to a search', async () => {
    const watched = await open('')
    const { page } = watched
    const palette = page.getByRole('dialog', { name: 'Go to' })
    const go = async (text: string): Promise<void> => {
      await page.keyboard.press('Control+k')
      await palette.getByRole('combobox').fill(text)
    }
    await go('sched')
    await palette.getByRole('option', { name: 'Schedules screen', selected: true }).waitFor()
    expect(await watched.violations()).toEqual([])
    await watched.picture('light-palette')
    await page.keyboard.press('Enter')
    await page.waitForURL('**/#/schedules')
    await go(String(filled.dead))
    await palette.getByRole('option', { name: `${filled.dead} job`, selected: true }).waitFor()
    await page.keyboard.press('Enter')
    await page.waitForURL(`**/#/jobs/${filled.dead}`)
    await go('status:failed tag:report')
    await page.keyboard.press('Enter')
    await page.getByRole('combobox', { name: 'Search' }).waitFor()
    expect(await page.getByRole('combobox', { name: 'Search' }).inputValue()).toBe('status:failed tag:report')
    await page.getByRole('button', { name: 'Go to…' }).click()
    await palette.getByRole('combobox').press('ArrowDown')
    await palette.getByRole('option', { name: 'Jobs screen', selected: true }).waitFor()
    await palette.getByRole('combobox').press('ArrowUp')
    await palette.getByRole('option', { name: 'Overview screen', selected: true }).click()
    await page.getByRole('heading', { name: 'Overview' }).waitFor()
    await page.keyboard.press('Control+k')
    await palette.waitFor()
    await page.keyboard.press('Escape')
    await palette.waitFor({ state: 'detached' })
    expect(page.url().endsWith('#/')).toBe(true)
    expect(watched.faults).toEqual([])
  })
})
