/** Writes the documentation as a static site, and finds links that lead nowhere. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, posix } from 'node:path'
import { root } from '../run.mjs'
import { layout } from './layout.mjs'
import { readPages } from './pages.mjs'
import { headingsOf, renderPage } from './render.mjs'

/** @typedef {import('./pages.mjs').Page} Page */

const IMAGE = /\.(png|svg|jpg|webp)$/

/**
 * @param {string} target - The folder; what is in it is replaced.
 * @returns {{ pages: number; problems: string[] }} A problem is a link that leads nowhere, with its place.
 */
export function buildSite(target) {
  const pages = readPages()
  const links = new Links(pages)
  const entries = pages.map((page) => ({ page, rendered: renderPage(page, links.resolve) }))
  const problems = [...links.problems, ...readmeProblems(links)]
  rmSync(target, { recursive: true, force: true })
  const write = (/** @type {string} */ path, /** @type {string} */ text) => {
    mkdirSync(dirname(join(target, path)), { recursive: true })
    writeFileSync(join(target, path), text)
  }
  for (const entry of entries) write(entry.page.path, layout(entry, entries))
  cpSync(join(root, 'tools/site/assets'), join(target, 'assets'), { recursive: true })
  for (const image of links.images) cpSync(join(root, image), join(target, image.replace(/^docs\//, '')))
  cpSync(
    createRequire(import.meta.url)
      .resolve('minisearch')
      .replace(/cjs.index\.cjs$|es.index\.js$/, 'umd/index.js'),
    join(target, 'assets/minisearch.js'),
  )
  cpSync(join(root, 'docs/llms.txt'), join(target, 'llms.txt'))
  write('assets/passages.js', `globalThis.millracePassages = ${JSON.stringify(searchable(entries))}\n`)
  return { pages: pages.length, problems }
}

/** @param {readonly import('./layout.mjs').Entry[]} entries */
function searchable(entries) {
  return entries.flatMap(({ page, rendered }) =>
    rendered.passages.map(({ heading, id, text }) => ({
      id: `${page.path}#${id}`,
      heading,
      page: heading === rendered.title ? page.section : rendered.title,
      text,
    })),
  )
}

/** What links of Markdown files mean, in the site and in the repository. */
export class Links {
  /** @type {string[]} */
  problems = []
  /** Of the repository, shown by some page. @type {Set<string>} */
  images = new Set()
  /** @type {Map<string, Page>} */
  #pages
  /** @type {Map<string, Set<string>>} */
  #ids = new Map()

  /** @param {readonly Page[]} pages */
  constructor(pages) {
    this.#pages = new Map(pages.map((page) => [page.source, page]))
  }

  /** @type {import('./render.mjs').Resolve} */
  resolve = (href, from) => {
    if (/^[a-z]+:/.test(href)) return href
    const [path = '', anchor] = href.split('#')
    const target = path === '' ? from.source : posix.join(posix.dirname(from.source), path)
    const found = this.#check(target, anchor)
    if (found !== '') this.problems.push(`${from.source}: ${href} ${found}`)
    if (IMAGE.test(target)) this.images.add(target)
    const to = this.#pages.get(target)?.path ?? (IMAGE.test(target) ? target.replace(/^docs\//, '') : undefined)
    // Code of the repository, which is not part of the site.
    if (to === undefined) return null
    const hash = anchor === undefined ? '' : `#${anchor}`
    return path === '' ? hash : posix.relative(posix.dirname(from.path), to) + hash
  }

  /** @param {string} target @param {string | undefined} anchor @returns {string} What is wrong, or nothing. */
  #check(target, anchor) {
    if (!existsSync(join(root, target))) return `leads to ${target}, which is not there`
    if (anchor === undefined) return ''
    const ids =
      this.#ids.get(target) ?? new Set(headingsOf(readFileSync(join(root, target), 'utf8')).map(({ id }) => id))
    this.#ids.set(target, ids)
    return ids.has(anchor) ? '' : `leads to a heading that ${target} has not`
  }
}

/** The packages' own pages are shown by npm; their links are looked at here. @param {Links} links */
function readmeProblems(links) {
  const sources = readdirSync(join(root, 'packages'))
    .map((name) => `packages/${name}/README.md`)
    .filter((source) => existsSync(join(root, source)))
  const before = links.problems.length
  for (const source of sources) {
    const text = readFileSync(join(root, source), 'utf8')
    renderPage({ source, path: source, text, section: '', isListed: false }, links.resolve)
  }
  return links.problems.slice(before)
}
