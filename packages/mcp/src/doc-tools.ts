import type { CallToolResult, McpServer } from '@modelcontextprotocol/server'
import { refusal } from './api.ts'
import { searchPages } from './doc-search.ts'
import { llmsFullTxt, llmsTxt, pages } from './generated/files.js'
import { type OfferedTool, resultOf } from './tool.ts'

const TEXT = { type: 'string', minLength: 1, maxLength: 500 }

/** The documentation of the installed version; it is part of the package. */
export const DOC_TOOLS: readonly OfferedTool[] = [
  {
    name: 'list-doc-pages',
    description: 'The pages of the documentation: slug, section, title, headings.',
    properties: {},
    required: [],
    isReading: true,
    run: () =>
      resultOf({
        ok: true,
        value: { pages: pages.map(({ slug, section, title, headings }) => ({ slug, section, title, headings })) },
      }),
  },
  {
    name: 'get-doc-page',
    description: 'One page of the documentation as Markdown, by its slug, such as guides/steps.',
    properties: { slug: TEXT },
    required: ['slug'],
    isReading: true,
    run: ({ slug }) => showPage(String(slug)),
  },
  {
    name: 'search-docs',
    description: 'Searches the documentation; the five best pages with an excerpt each. Words, or names of the API.',
    properties: { query: TEXT },
    required: ['query'],
    isReading: true,
    run: ({ query }) => resultOf({ ok: true, value: { found: searchPages(pages, String(query)) } }),
  },
]

function showPage(slug: string): CallToolResult {
  const wanted = slug.replace(/^\/?(?:docs\/)?/, '').replace(/\.md$/, '')
  const page = pages.find((one) => one.slug === wanted)
  if (page !== undefined) return { content: [{ type: 'text', text: page.markdown }] }
  const near = searchPages(pages, wanted.slice(wanted.lastIndexOf('/') + 1)).map((found) => found.slug)
  const hint = near.length === 0 ? 'list-doc-pages names them all.' : `Near to it: ${near.join(', ')}.`
  return resultOf(refusal('PAGE_NOT_FOUND', `There is no page ${JSON.stringify(slug)}. ${hint}`))
}

/** The whole of it, for who wants to read it at once. */
export function addDocResources(server: McpServer): void {
  for (const [name, text] of Object.entries({ 'llms.txt': llmsTxt, 'llms-full.txt': llmsFullTxt })) {
    const uri = `millrace://${name}`
    server.registerResource(name, uri, { title: name, mimeType: 'text/markdown' }, () => ({
      contents: [{ uri, mimeType: 'text/markdown', text }],
    }))
  }
}
