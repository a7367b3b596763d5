/** Which pages the site has, and where each stands in its navigation. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../run.mjs'

/**
 * @typedef {object} Page
 * @property {string} source - Markdown file, relative to the repository.
 * @property {string} path - HTML file, relative to the site.
 * @property {string} text
 * @property {string} section - Title of its part of the navigation.
 * @property {boolean} isListed - Whether the navigation names it.
 */

/** In reading order. A page that is not named here comes after the others of the section that its folder belongs to. */
const SECTIONS = /** @type {Record<string, readonly string[]>} */ ({
  Start: [
    'README.md',
    'learn/quick-start',
    'guides/typed-jobs',
    'guides/embedded',
    'guides/postgresql',
    'guides/redis',
  ],
  Learn: [
    'learn/lifecycle',
    'learn/guarantees',
    'learn/comparison',
    ...guides('adding-jobs', 'processing', 'retries', 'timeouts', 'progress', 'groups', 'schedules', 'transactions'),
    ...guides('steps', 'waits', 'flows', 'order-fulfilment', 'versions', 'changing-jobs', 'locks', 'sql', 'testing'),
  ],
  Frameworks: guides('nestjs', 'nextjs', 'frameworks', 'react', 'serverless', 'doctor-jobs', 'app-jobs'),
  Recipes: [
    ...recipes('sending-mail', 'payment-webhook', 'csv-import', 'fan-out', 'rate-limited-api', 'nightly-reports'),
    ...recipes('ai-agent', 'fair-tenants', 'cancel-from-ui', 'big-payloads', 'serverless', 'graceful-deploys'),
    ...recipes('testing', 'alerts'),
  ],
  Operate: [
    ...guides('operating', 'dashboard', 'cli', 'assistants', 'observing', 'opentelemetry', 'shutdown', 'maintenance'),
    ...['connections', 'security', 'failure-modes', 'performance', 'proof'].map((name) => `operate/${name}`),
  ],
  Reference: ['api', 'exports', 'sql', 'cli', 'errors', 'hooks'].map((name) => `reference/${name}`),
  Migrate: ['bullmq', 'pg-boss', 'graphile-worker', 'dataqueue'].map((name) => `guides/migrating-from-${name}`),
  Inside: ['internals/architecture', 'internals/simulation', 'internals/adr/README', 'CONTRIBUTING.md', 'CHANGELOG.md'],
})

/** Where the pages go that `SECTIONS` does not name, by the beginning of their path; the first that fits. */
const BY_FOLDER = /** @type {const} */ ([
  ['guides/migrating-', 'Migrate'],
  ['guides/', 'Learn'],
  ['learn/', 'Learn'],
  ['recipes/', 'Recipes'],
  ['operate/', 'Operate'],
  ['internals/', 'Inside'],
  ['', 'Reference'],
])

/** Read one after the other, from the page that has the list. */
const UNLISTED = /^internals\/adr\/\d/

/** Files of the repository's root that are pages, too. */
const ROOT_PAGES = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md', 'CODE_OF_CONDUCT.md']

/** All pages, in the order of the navigation. @returns {Page[]} */
export function readPages() {
  const inDocs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.md') && !path.includes('node_modules/'))
    .sort()
    .map((path) => `docs/${path}`)
  const pages = [...ROOT_PAGES.filter((path) => existsSync(join(root, path))), ...inDocs].map(pageOf)
  const places = Object.values(SECTIONS).flat()
  const order = Object.keys(SECTIONS)
  const place = (/** @type {Page} */ page) => places.indexOf(nameOf(page.source)) + 1 || places.length + 1
  return pages.sort(
    (a, b) => order.indexOf(a.section) - order.indexOf(b.section) || place(a) - place(b) || (a.path < b.path ? -1 : 1),
  )
}

/** @param {string} source @returns {Page} */
function pageOf(source) {
  const name = nameOf(source)
  const named = Object.entries(SECTIONS).find(([, names]) => names.includes(name))
  const section = named?.[0] ?? BY_FOLDER.find(([prefix]) => name.startsWith(prefix))?.[1] ?? 'Reference'
  return {
    source,
    path: htmlPath(source),
    text: readFileSync(join(root, source), 'utf8').replaceAll('\r\n', '\n'),
    section: source.startsWith('docs/') ? section : (named?.[0] ?? 'Inside'),
    isListed: !UNLISTED.test(name),
  }
}

/** Where the page of a Markdown file is. The repository's README is the site's first page. @param {string} source */
function htmlPath(source) {
  if (!source.startsWith('docs/'))
    return source === 'README.md' ? 'index.html' : source.replace(/\.md$/, '.html').toLowerCase()
  return source
    .replace(/^docs\//, '')
    .replace(/README\.md$/, 'index.md')
    .replace(/\.md$/, '.html')
}

/** @param {string} source */
function nameOf(source) {
  return source.startsWith('docs/') ? source.slice('docs/'.length, -'.md'.length) : source
}

/** @param {...string} names */
function guides(...names) {
  return names.map((name) => `guides/${name}`)
}

/** @param {...string} names */
function recipes(...names) {
  return names.map((name) => `recipes/${name}`)
}
