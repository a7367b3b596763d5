import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { AxeResults } from 'axe-core'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { hasChromium, launchChromium } from '../../packages/dashboard/test/chromium.ts'
import { buildSite, Links } from './build.mjs'
import { readPages } from './pages.mjs'
import { headingsOf, renderPage } from './render.mjs'
import { serveSite } from './serve.mjs'

const folder = mkdtempSync(join(tmpdir(), 'millrace-site-'))
const built = buildSite(folder)
const pages = readPages()
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the documentation', () => {
  it('has no link or anchor that leads nowhere, in any page or README', () => {
    expect(built.problems).toEqual([])
  })

  it('is written whole: every page, reached from the first one', () => {
    const home = readFileSync(join(folder, 'index.html'), 'utf8')
    for (const page of pages) {
      expect([page.path, existsSync(join(folder, page.path))]).toEqual([page.path, true])
      expect([page.path, home.includes(`href="${page.path}"`)]).toEqual([page.path, page.isListed])
    }
    expect(built.pages).toBe(pages.length)
  })

  it('has every section, in the order in which it is read', () => {
    const sections = [...new Set(pages.map(({ section }) => section))]
    expect(sections).toEqual(
      ['Start', 'Learn', 'Frameworks', 'Recipes', 'Operate', 'Reference', 'Migrate', 'Inside'].filter((name) =>
        sections.includes(name),
      ),
    )
    for (const name of ['Start', 'Learn', 'Operate', 'Reference', 'Migrate']) expect(sections).toContain(name)
  })

  it('loads nothing from anywhere else', () => {
    for (const page of pages) {
      const html = readFileSync(join(folder, page.path), 'utf8')
      expect([page.path, html.match(/(?:src|srcset)="(?:https?:)?\/\/[^"]*"|<link[^>]*href="https?:[^>]*/g)]).toEqual([
        page.path,
        null,
      ])
    }
  })
})

describe('a link', () => {
  const from = { source: 'docs/learn/x.md', path: 'learn/x.html', text: '', section: '', isListed: true }
  const links = new Links([...pages, from])

  it.each([
    ['guarantees.md#guaranteed', 'guarantees.html#guaranteed'],
    ['../../README.md', '../index.html'],
    ['../internals/adr/README.md', '../internals/adr/index.html'],
    ['../guides/images/dashboard-overview.png', '../guides/images/dashboard-overview.png'],
    ['https://example.com/a.md', 'https://example.com/a.md'],
    ['../../examples/demo', null],
  ])('%s is %s in the site', (href, expected) => {
    expect(links.resolve(href, from)).toBe(expected)
    expect(links.problems).toEqual([])
  })

  it('to a page or a heading that is not there is told, with its place', () => {
    const broken = new Links(pages)
    broken.resolve('nothing.md', from)
    broken.resolve('guarantees.md#perfection', from)
    expect(broken.problems).toEqual([
      'docs/learn/x.md: nothing.md leads to docs/learn/nothing.md, which is not there',
      'docs/learn/x.md: guarantees.md#perfection leads to a heading that docs/learn/guarantees.md has not',
    ])
  })
})

describe('a page', () => {
  const page = (text: string) => ({
    source: 'docs/learn/x.md',
    path: 'learn/x.html',
    text,
    section: '',
    isListed: true,
  })

  it('has the anchors that GitHub gives, each once', () => {
    const ids = headingsOf('# `a.b(c?)`, and more\n## Two words\n## Two words\n').map(({ id }) => id)
    expect(ids).toEqual(['abc-and-more', 'two-words', 'two-words-1'])
  })

  it('leaves out what is for tools, and unlinks what the site has not', () => {
    const { html } = renderPage(page('# T\n\n<!-- setup:\nimport x\n-->\n\n[code](../../examples)'), () => null)
    expect(html).not.toContain('setup')
    expect(html).toContain('<span>code</span>')
  })

  it('colours code and shows its text as it is', () => {
    const { html, passages } = renderPage(page('# T\n\n```ts run\nconst a = "<b>"\n```'), (href) => href)
    expect(html).toContain('<span class="hljs-keyword">const</span>')
    expect(html).toContain('&lt;b&gt;')
    expect(passages).toEqual([{ heading: 'T', id: 't', text: 'const a = "<b>"' }])
  })
})

describe.skipIf(!hasChromium)('the site, in Chromium', { timeout: 60_000 }, () => {
  const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
  const pictures = process.env['MILLRACE_SCREENSHOTS'] ?? ''
  let browser: Browser
  let server: Awaited<ReturnType<typeof serveSite>>
  beforeAll(async () => {
    browser = await launchChromium()
    server = await serveSite(folder)
  })
  afterAll(async () => {
    await browser.close()
    await server.close()
  })

  const faults: string[] = []
  afterEach(() => {
    const found = faults.splice(0)
    if (found.length > 0) throw new Error(found.join('\n'))
  })

  async function open(url: string, options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, ...options })
    const page = await context.newPage()
    page.setDefaultTimeout(10_000)
    page.on('pageerror', (error) => faults.push(`error: ${error.message}`))
    page.on('console', (message) => {
      if (message.type() === 'error') faults.push(message.text())
    })
    page.on('request', (request) => {
      if (!request.url().startsWith(new URL(url).origin.replace('null', 'file:'))) faults.push(`asks ${request.url()}`)
    })
    await page.goto(url)
    return page
  }

  async function violations(page: Page): Promise<string[]> {
    await page.evaluate(axe)
    // Nothing is preloaded: from a folder it could not be.
    const run =
      "axe.run(document, { preload: false, runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa'] })"
    const result = await page.evaluate<Pick<AxeResults, 'violations'>>(run)
    return result.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`)
  }

  async function picture(page: Page, name: string): Promise<void> {
    if (pictures === '') return
    mkdirSync(pictures, { recursive: true })
    writeFileSync(join(pictures, `${name}.png`), await page.screenshot())
  }

  /** One of each kind: the first, a table, code, what is generated, one with pictures. */
  const SHOWN = ['index', 'learn/lifecycle', 'guides/schedules', 'reference/sql', 'guides/dashboard']

  it.each(['light', 'dark'] as const)('every kind of page is accessible (%s)', async (colorScheme) => {
    const page = await open(server.url, { colorScheme })
    for (const name of SHOWN) {
      await page.goto(`${server.url}${name}.html`)
      expect([name, ...(await violations(page))]).toEqual([name])
      await picture(page, `${colorScheme}-${name.replace('/', '-')}`)
    }
    await page.context().close()
  })

  it('every page fits a phone, and its menu opens', async () => {
    const page = await open(server.url, { viewport: { width: 375, height: 720 } })
    for (const { path } of pages) {
      await page.goto(server.url + path, { waitUntil: 'domcontentloaded' })
      expect([path, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([path, 375])
    }
    await page.goto(`${server.url}guides/schedules.html`)
    await picture(page, 'phone')
    await page.getByRole('button', { name: 'Menu' }).click()
    expect(await violations(page)).toEqual([])
    await picture(page, 'phone-menu')
    await page.getByRole('link', { name: 'Graceful shutdown' }).first().click()
    await page.waitForURL('**/guides/shutdown.html')
    await page.context().close()
  })

  it('search finds a passage and leads to it, from a server and from a folder', async () => {
    for (const address of [server.url, pathToFileURL(join(folder, 'index.html')).href]) {
      const page = await open(address)
      await page.keyboard.press('/')
      await page.keyboard.type('skipped hour midnight')
      const hit = page.getByRole('link', { name: /^When · Schedules/ })
      await hit.waitFor()
      expect(await violations(page)).toEqual([])
      await picture(page, 'search')
      await page.keyboard.press('ArrowDown')
      expect(await page.evaluate('document.activeElement.closest(".found") !== null')).toBe(true)
      await hit.press('Enter')
      await page.waitForURL('**/guides/schedules.html#when')
      await page.context().close()
    }
  })

  it('the theme chosen stays on the next page', async () => {
    const page = await open(server.url, { colorScheme: 'light' })
    await page.getByRole('button', { name: 'Theme: auto' }).click()
    await page.getByRole('button', { name: 'Theme: light' }).click()
    await page.goto(`${server.url}learn/guarantees.html`)
    await page.getByRole('button', { name: 'Theme: dark' }).waitFor()
    expect(await page.evaluate('getComputedStyle(document.documentElement).backgroundColor')).toBe('rgb(18, 22, 20)')
    expect(await violations(page)).toEqual([])
    await page.context().close()
  })
})
