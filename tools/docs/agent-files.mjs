/** What programs that read documentation get of it: `llms.txt`, rules and skills, all made of the pages. */
import { readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readPages, SECTIONS } from './pages.mjs'

/** @typedef {import('./pages.mjs').Page} Page */

const sources = join(dirname(fileURLToPath(import.meta.url)), '../../docs/agents')

const INTRODUCTION = `# Millrace

> Durable background jobs for TypeScript and JavaScript on Node 20.19 or later, in the database you already run: PostgreSQL 14 to 18, an
> embedded PostgreSQL when nothing is configured, or Redis. Jobs, schedules, steps, waits, dependencies, exact concurrency limits; at least
> once, exactly once for effects in the same database.
`

/** What belongs to which skill; each is a folder of the named pages, and of what stands in `docs/agents/<name>.md`. */
const SKILLS = {
  'millrace-jobs': [
    'learn/quick-start',
    'guides/adding-jobs',
    'guides/typed-jobs',
    'guides/processing',
    'guides/retries',
    'guides/timeouts',
    'guides/transactions',
    'guides/groups',
    'guides/testing',
    'reference/api',
    'reference/errors',
  ],
  'millrace-workflows': [
    'guides/steps',
    'guides/waits',
    'guides/flows',
    'guides/schedules',
    'guides/versions',
    'guides/order-fulfilment',
    'reference/api',
  ],
  'millrace-operations': [
    'guides/cli',
    'guides/observing',
    'guides/operating',
    'guides/maintenance',
    'guides/shutdown',
    'operate/connections',
    'operate/failure-modes',
    'reference/errors',
  ],
}

/** @returns What the module of `@millrace/mcp` exports. */
export function renderFiles() {
  const pages = readPages()
  return {
    pages,
    llmsTxt: llmsTxt(pages),
    llmsFullTxt: `${INTRODUCTION}\n${pages.map((page) => `<!-- ${page.slug} -->\n\n${page.markdown.trim()}\n`).join('\n')}`,
    rules: source('rules').replace(/^# .*\n+/, ''),
    skills: Object.entries(SKILLS).map(([name, slugs]) => ({ name, files: skillFiles(name, slugs, pages) })),
  }
}

/** @param {readonly Page[]} pages */
function llmsTxt(pages) {
  const sections = SECTIONS.map((section) => {
    const lines = pages.filter((page) => page.section === section).map(line)
    return lines.length === 0 ? '' : `## ${section}\n\n${lines.join('\n')}\n`
  })
  return [INTRODUCTION, ...sections.filter((text) => text !== '')].join('\n')
}

/** @param {Page} page */
function line({ slug, title, headings }) {
  return `- [${title}](${slug}.md)${headings.length === 0 ? '' : `: ${headings.join('; ')}`}`
}

/**
 * @param {string} name
 * @param {readonly string[]} slugs
 * @param {readonly Page[]} pages
 */
function skillFiles(name, slugs, pages) {
  const chosen = slugs.map((slug) => {
    const page = pages.find((one) => one.slug === slug)
    if (page === undefined) throw new Error(`skill ${name} names ${slug}, which is no page`)
    return page
  })
  const [, description, body] = /^# .*\n+([^\n]+)\n([\s\S]*)$/.exec(source(name)) ?? []
  if (description === undefined || body === undefined)
    throw new Error(`docs/agents/${name}.md begins with a title and a line`)
  const list = chosen.map(
    (page) => `- [${page.title}](${fileOf(page.slug)}): ${page.headings.join('; ') || page.title}`,
  )
  const main = `---\nname: ${name}\ndescription: ${JSON.stringify(description)}\n---\n\n# ${name}\n${body}\n## In full\n\n${list.join('\n')}\n`
  /** @type {Record<string, string>} */
  const files = { 'SKILL.md': main.replaceAll(/\n{3,}/g, '\n\n') }
  for (const page of chosen) files[fileOf(page.slug)] = relink(page, slugs)
  return files
}

/** @param {string} slug */
function fileOf(slug) {
  return `references/${slug.replace('/', '-')}.md`
}

/**
 * Links to pages of the same skill lead there; others lose their address.
 *
 * @param {Page} page
 * @param {readonly string[]} slugs
 */
function relink(page, slugs) {
  return page.markdown.replaceAll(/\[([^\]]+)\]\(([^)\s]+)\)/g, (whole, text, address) => {
    if (/^(https?:|#)/.test(address)) return whole
    const [path = '', part] = String(address).split('#')
    const slug = posix.join(posix.dirname(page.slug), path).replace(/\.md$/, '')
    if (!slugs.includes(slug)) return text
    return `[${text}](${fileOf(slug).replace('references/', '')}${part === undefined ? '' : `#${part}`})`
  })
}

/** @param {string} name */
function source(name) {
  const text = readFileSync(join(sources, `${name}.md`), 'utf8').replaceAll('\r\n', '\n')
  return text
    .replaceAll(/<!--[\s\S]*?-->\n?/g, '')
    .replaceAll(/^(```tsx?)(?: (?:no-check|run))+$/gm, '$1')
    .trim()
    .concat('\n')
}
