/**
 * Makes the pictures of the documentation: every screen, light and dark, and some on a phone, of a shop's evening.
 *
 *     node packages/dashboard/tools/pictures.mjs [FOLDER]     (default: docs/guides/images; needs Chromium)
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { serveDashboard } from '@millrace/dashboard'
import { chromium } from 'playwright-core'
import { startPostgres } from '../../../tools/servers/postgres.mjs'
import { openShop } from './shop.mjs'
import { withPalette } from './png-palette.mjs'

const CHROMIUM = [process.env['MILLRACE_TEST_CHROMIUM'] ?? '', '/usr/bin/chromium', '/usr/bin/chromium-browser']
const DESK = { width: 1280, height: 860 }
const PHONE = { width: 390, height: 780 }
/** What is pushed has come by then, and what it makes the page ask for. */
const SETTLED_MS = 2500
const WARM_MS = 45_000

const folder = resolve(process.argv[2] ?? join(import.meta.dirname, '../../../docs/guides/images'))
mkdirSync(folder, { recursive: true })
const server = await startPostgres({ version: 18 })
const shop = await openShop(server.url)
const dashboard = await serveDashboard(shop.queue, {
  authorize: () => ({ actor: 'grace@shop.example' }),
  redact: ['card'],
})
const browser = await chromium.launch({
  executablePath: CHROMIUM.find((path) => path !== '' && existsSync(path)),
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
})
try {
  // So that there is a line of what goes on.
  const warm = await open('light', DESK)
  await show(warm, '')
  await pause(WARM_MS)
  await warm.context().close()
  for (const scheme of /** @type {const} */ (['light', 'dark'])) {
    const page = await open(scheme, DESK)
    for (const [name, hash, act] of screens()) {
      await show(page, hash)
      await act?.(page)
      await take(page, `dashboard-${name}${scheme === 'dark' ? '-dark' : ''}`)
    }
    await page.context().close()
  }
  const page = await open('light', PHONE)
  for (const [name, hash] of screens().filter(([name]) => ['overview', 'jobs', 'job'].includes(name))) {
    await show(page, hash)
    await take(page, `dashboard-${name}-phone`)
  }
} finally {
  await browser.close()
  await dashboard.close()
  await shop.close()
  await server.stop()
}
process.exit()

/** @typedef {import('playwright-core').Page} Page */

/** @returns {[name: string, hash: string, act?: (page: Page) => Promise<void>][]} */
function screens() {
  const { ids, fingerprint } = shop
  return [
    ['overview', ''],
    ['jobs', 'jobs?q=type:hook.post,invoice.render,order.fulfil created:>-1h'],
    ['job', `jobs/${ids.dead}`],
    ['steps', `jobs/${ids.steps}`],
    ['workflow', `jobs/${ids.charge}`],
    ['batch', `jobs/${ids.batch}`],
    ['errors', 'errors'],
    ['error', `errors/${fingerprint}`],
    ['dead', 'dead'],
    ['queues', 'lanes'],
    ['types', 'types'],
    ['schedules', 'schedules'],
    ['workers', 'workers'],
    ['audit', 'audit'],
    ['health', 'health', (page) => page.getByRole('button', { name: 'Check now' }).click()],
    ['add', 'add?jobType=mail.welcome'],
    [
      'bulk',
      'jobs?q=is:dead',
      async (page) => {
        await page.getByRole('button', { name: 'All that match…' }).click()
      },
    ],
    [
      'palette',
      '',
      async (page) => {
        await page.keyboard.press('Control+k')
        await page.keyboard.type('mail')
      },
    ],
  ]
}

/** @param {'light' | 'dark'} colorScheme @param {typeof DESK} viewport */
async function open(colorScheme, viewport) {
  const context = await browser.newContext({ viewport, colorScheme, reducedMotion: 'reduce' })
  return context.newPage()
}

/** @param {Page} page @param {string} hash */
async function show(page, hash) {
  await page.goto('about:blank')
  await page.goto(`${dashboard.url}#/${hash}`)
  await page.locator('main h1').first().waitFor()
}

/** @param {Page} page @param {string} name */
async function take(page, name) {
  await pause(SETTLED_MS)
  writeFileSync(join(folder, `${name}.png`), withPalette(await page.screenshot()))
  console.log(name)
}
