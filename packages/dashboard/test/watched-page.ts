import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { AxeResults } from 'axe-core'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
/** Where pictures of the screens go, to be looked at; none without it. */
const pictures = process.env['MILLRACE_SCREENSHOTS'] ?? ''

/** A page of which everything is noticed that must not happen. */
export interface WatchedPage extends AsyncDisposable {
  readonly page: Page
  /** Dialogs, errors of scripts, what the content security policy stopped, and requests to others. */
  readonly faults: readonly string[]
  /** Loads a screen afresh, and waits until it has what it shows. */
  visit(screen: string): Promise<void>
  /** Each violation of WCAG A and AA, up to 2.2, on what is shown now. */
  violations(): Promise<string[]>
  picture(name: string): Promise<void>
}

export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 860 },
    reducedMotion: 'reduce',
    ...options,
  })
  const page = await context.newPage()
  page.setDefaultTimeout(20_000)
  const faults: string[] = []
  page.on('dialog', (dialog) => {
    faults.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`))
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) faults.push(message.text())
  })
  page.on('request', (request) => {
    if (!request.url().startsWith(new URL(url).origin)) faults.push(`request to ${request.url()}`)
  })
  await page.goto(url)
  return {
    page,
    faults,
    async visit(screen) {
      // A change of the part behind `#` alone would load nothing, so that there is nothing to wait for.
      await page.goto('about:blank')
      await page.goto(`${url.split('#')[0]}#/${screen}`, { waitUntil: 'networkidle' })
    },
    async violations() {
      await page.evaluate(axeSource)
      const run = "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa'] })"
      const { violations } = await page.evaluate<Pick<AxeResults, 'violations'>>(run)
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`)
    },
    async picture(name) {
      if (pictures === '') return
      await mkdir(pictures, { recursive: true })
      await page.screenshot({ path: join(pictures, `${name}.png`) })
    },
    [Symbol.asyncDispose]: () => context.close(),
  }
}
