/**
 * The documentation as data: what the site, the search and `llms.txt` are made of.
 *
 * A page is a Markdown file under `docs`, except `docs/internals`. Its title is its first heading, its section the folder it is in.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * @typedef {object} Page
 * @property {string} slug - `guides/steps`, for `docs/guides/steps.md`.
 * @property {string} section - The name of one of `SECTIONS`.
 * @property {string} title
 * @property {readonly string[]} headings - Those of the second level.
 * @property {string} markdown - As it is read: without what only compiles the examples.
 */

const docs = join(dirname(fileURLToPath(import.meta.url)), '../../docs')

/** In the order in which somebody new would read. */
export const SECTIONS = /** @type {const} */ (['Learn', 'Guides', 'Recipes', 'Migrating', 'Operate', 'Reference'])

/** What a reader wants first; the others follow by their titles. */
const FIRST = [
  'learn/quick-start',
  'learn/lifecycle',
  'learn/guarantees',
  'guides/adding-jobs',
  'guides/typed-jobs',
  'guides/processing',
  'guides/retries',
  'guides/transactions',
  'guides/schedules',
  'guides/steps',
  'guides/waits',
  'guides/flows',
  'guides/groups',
]

/** @returns {Page[]} By section, and in each in reading order. */
export function readPages() {
  const names = readdirSync(docs, { recursive: true, encoding: 'utf8' }).map((name) => name.replaceAll('\\', '/'))
  const pages = names.filter((name) => /^(learn|guides|recipes|operate|reference)\/[^/]+\.md$/.test(name)).map(readPage)
  return pages.toSorted((one, other) => rank(one) - rank(other) || one.title.localeCompare(other.title, 'en'))
}

/** @param {string} name - Relative to `docs`. @returns {Page} */
function readPage(name) {
  const text = readFileSync(join(docs, name), 'utf8').replaceAll('\r\n', '\n')
  const slug = name.replace(/\.md$/, '')
  const title = /^# (.+)$/m.exec(text)?.[1]
  if (title === undefined) throw new Error(`docs/${name} has no title`)
  const headings = [...withoutCode(text).matchAll(/^## (.+)$/gm)].map((match) => String(match[1]))
  return { slug, section: sectionOf(slug), title: plain(title), headings: headings.map(plain), markdown: shown(text) }
}

/** @param {string} slug */
function sectionOf(slug) {
  if (slug.startsWith('guides/migrating-')) return 'Migrating'
  const folder = slug.split('/')[0] ?? ''
  return folder.charAt(0).toUpperCase() + folder.slice(1)
}

/** @param {Page} page */
function rank({ slug, section }) {
  const at = FIRST.indexOf(slug)
  return SECTIONS.findIndex((name) => name === section) * 1000 + (at < 0 ? FIRST.length : at)
}

/** @param {string} text */
function shown(text) {
  return text
    .replaceAll(/<!--[\s\S]*?-->\n?/g, '')
    .replaceAll(/^(```tsx?)(?: (?:no-check|run))+$/gm, '$1')
    .replaceAll(/\n{3,}/g, '\n\n')
}

/** @param {string} text */
function withoutCode(text) {
  return text.replaceAll(/^(`{3,})[\s\S]*?^\1$/gm, '')
}

/** A heading without marks of Markdown. @param {string} text */
export function plain(text) {
  return text.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll(/[`*]/g, '')
}
