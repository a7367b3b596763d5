import { describe, expect, it } from 'vitest'
import { searchPages } from './doc-search.ts'

const page = (slug: string, title: string, markdown: string, headings: string[] = []) => ({
  slug,
  title,
  headings,
  section: 'Guides',
  markdown: [`# ${title}`, markdown, ...headings.map((heading) => `## ${heading}`)].join('\n\n'),
})

const pages = [
  page('guides/retries', 'Retries', 'A job is tried again with backoff.\n\nSee `retryDelay`.'),
  page('guides/steps', 'Steps', 'A handler of steps.\n\nA step is not run again: ctx.run.', ['Exactly once']),
  page('guides/locks', 'Locks', 'A lock for periodic jobs.'),
]

describe('searching pages', () => {
  it('finds a page by words of its text, whatever their case, and shows the paragraph that has them', () => {
    const [best] = searchPages(pages, 'BACKOFF again')
    expect(best).toMatchObject({
      slug: 'guides/retries',
      title: 'Retries',
      excerpt: expect.stringMatching(/^A job is tried/),
    })
  })

  it('finds names of the API whole and by their parts', () => {
    expect(searchPages(pages, 'retryDelay')[0]?.slug).toBe('guides/retries')
    expect(searchPages(pages, 'periodicLock')[0]?.slug).toBe('guides/locks')
  })

  it('a word of a title or a heading counts more than one of the text', () => {
    expect(searchPages(pages, 'steps')[0]?.slug).toBe('guides/steps')
    expect(searchPages(pages, 'exactly')[0]?.slug).toBe('guides/steps')
  })

  it('finds nothing for what nobody wrote', () => {
    expect(searchPages(pages, 'zebra')).toEqual([])
    expect(searchPages(pages, '…')).toEqual([])
  })
})
