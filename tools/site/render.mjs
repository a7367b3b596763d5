/** One page: Markdown to HTML, its headings, what search finds in it, and what its links get wrong. */
import hljs from 'highlight.js/lib/core'
import bash from 'highlight.js/lib/languages/bash'
import ini from 'highlight.js/lib/languages/ini'
import json from 'highlight.js/lib/languages/json'
import sql from 'highlight.js/lib/languages/sql'
import typescript from 'highlight.js/lib/languages/typescript'
import yaml from 'highlight.js/lib/languages/yaml'
import MarkdownIt from 'markdown-it'
import { escapeHtml } from './layout.mjs'

/**
 * @typedef {import('./pages.mjs').Page} Page
 * @typedef {{ level: number; id: string; text: string }} Heading
 * @typedef {{ heading: string; id: string; text: string }} Passage - What stands under a heading.
 * @typedef {{ html: string; title: string; headings: Heading[]; passages: Passage[] }} Rendered
 * @typedef {(href: string, from: Page) => string | null} Resolve - The address in the site, or `null` for none.
 */

const LANGUAGES = { bash, ini, json, sql, typescript, yaml }
for (const [name, language] of Object.entries(LANGUAGES)) hljs.registerLanguage(name, language)
hljs.registerAliases(['sh'], { languageName: 'bash' })

/**
 * @param {Page} page
 * @param {Resolve} resolve
 * @returns {Rendered}
 */
export function renderPage(page, resolve) {
  const markdown = new MarkdownIt({ html: true, highlight })
  const tokens = markdown.parse(page.text, {})
  const headings = markHeadings(tokens)
  for (const token of tokens) {
    if (token.type === 'html_block') token.content = rewriteHtml(token.content, page, resolve)
    else rewriteLinks(token.children ?? [], page, resolve)
  }
  markdown.renderer.rules['table_open'] = () => '<div class="table"><table>'
  markdown.renderer.rules['table_close'] = () => '</table></div>'
  return {
    html: markdown.renderer.render(tokens, markdown.options, {}),
    title: headings[0]?.text ?? page.source,
    headings,
    passages: passagesOf(tokens),
  }
}

/** The ids that headings of a Markdown file get, as GitHub makes them. @param {string} text @returns {Heading[]} */
export function headingsOf(text) {
  return markHeadings(new MarkdownIt({ html: true }).parse(text, {}))
}

/** @param {import('markdown-it').Token[]} tokens @returns {Heading[]} */
function markHeadings(tokens) {
  /** @type {Map<string, number>} */
  const used = new Map()
  return tokens.flatMap((token, index) => {
    if (token.type !== 'heading_open') return []
    const text = plainText(tokens[index + 1])
    const slug = text
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
      .replaceAll(' ', '-')
    const count = used.get(slug) ?? 0
    used.set(slug, count + 1)
    const id = count === 0 ? slug : `${slug}-${count}`
    token.attrSet('id', id)
    return [{ level: Number(token.tag.slice(1)), id, text }]
  })
}

/** @param {import('markdown-it').Token[]} tokens @returns {Passage[]} */
function passagesOf(tokens) {
  /** @type {Passage[]} */
  const passages = []
  tokens.forEach((token, index) => {
    if (token.type === 'heading_open')
      passages.push({ heading: plainText(tokens[index + 1]), id: String(token.attrGet('id')), text: '' })
    const passage = passages.at(-1)
    if (!passage || tokens[index - 1]?.type === 'heading_open') return
    if (token.type === 'inline') passage.text += `${plainText(token)} `
    if (token.type === 'fence') passage.text += `${token.content.trim()} `
  })
  return passages.map((passage) => ({ ...passage, text: passage.text.replaceAll(/\s+/g, ' ').trim() }))
}

/** @param {import('markdown-it').Token | undefined} token @returns {string} */
function plainText(token) {
  if (!token?.children) return token?.content ?? ''
  return token.children.map((child) => (child.type === 'softbreak' ? ' ' : plainText(child))).join('')
}

/** @param {import('markdown-it').Token[]} tokens @param {Page} page @param {Resolve} resolve */
function rewriteLinks(tokens, page, resolve) {
  /** @type {boolean[]} */
  const kept = []
  for (const token of tokens) {
    if (token.type === 'link_open') {
      const href = resolve(String(token.attrGet('href')), page)
      kept.push(href !== null)
      if (href === null) token.tag = 'span'
      token.attrs = href === null ? [] : [['href', href]]
    } else if (token.type === 'link_close' && kept.pop() === false) token.tag = 'span'
    else if (token.type === 'image') {
      token.attrSet('src', resolve(String(token.attrGet('src')), page) ?? '')
      token.attrSet('loading', 'lazy')
    } else if (token.type === 'html_inline') token.content = rewriteHtml(token.content, page, resolve)
  }
}

/** Comments are for tools; they stay out. @param {string} html @param {Page} page @param {Resolve} resolve */
function rewriteHtml(html, page, resolve) {
  return html
    .replaceAll(/<!--[\s\S]*?-->\n?/g, '')
    .replaceAll(/(src|srcset|href)="([^"]+)"/g, (_, name, value) => `${name}="${resolve(value, page) ?? ''}"`)
}

/** @param {string} code @param {string} info */
function highlight(code, info) {
  const language = info.split(/\s/)[0] ?? ''
  const known = { ts: 'typescript', tsx: 'typescript', js: 'typescript' }[language] ?? language
  const inner = hljs.getLanguage(known) ? hljs.highlight(code, { language: known }).value : escapeHtml(code)
  return `<pre><code>${inner}</code></pre>`
}
