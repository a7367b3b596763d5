import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { AxeResults } from 'axe-core'
import type { Browser, BrowserContextOptions, Page, Request } from 'playwright-core'
import { vi } from 'vitest'

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

/** No longer than this passes between an answer and what the page asks because of it. */
const QUIET_MS = 200

/** Requests of which the answer is still to come; a stream is none, since it never ends. */
class Asked {
  readonly #pending = new Set<Request>()
  #latest = 0

  constructor(page: Page) {
    const isAsked = (request: Request): boolean => !request.url().includes('/api/events')
    page.on('request', (request) => {
      if (isAsked(request)) this.#pending.add(request)
    })
    for (const event of ['requestfinished', 'requestfailed'] as const)
      page.on(event as 'requestfinished', (request) => {
        this.#pending.delete(request)
        this.#latest = performance.now()
      })
  }

  async settled(): Promise<void> {
    await vi.waitUntil(() => this.#pending.size === 0 && performance.now() - this.#latest > QUIET_MS, {
      timeout: 20_000,
    })
  }
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
  const asked = new Asked(page)
  await page.goto(url)
  return {
    page,
    faults,
    async visit(screen) {
      // A change of the part behind `#` alone would load nothing, so that there is nothing to wait for.
      await page.goto('about:blank')
      await page.goto(`${url.split('#')[0]}#/${screen}`)
      await page.waitForSelector('main h1')
      await asked.settled()
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
