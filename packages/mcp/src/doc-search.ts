import type { DocPage } from './generated/files.js'

/** A page that a search found. */
export interface Found {
  readonly slug: string
  readonly title: string
  readonly score: number
  /** Where the words stand closest together. */
  readonly excerpt: string
}

const MOST_FOUND = 5
const EXCERPT_CHARACTERS = 600

/** What a word in a title, or in a heading, adds to what it counts in the text, where it counts for at most `SATURATION + 1`. */
const IN_TITLE = 2
const IN_HEADING = 1

/** Of Okapi BM25: how soon more of the same word counts for no more, and how much a long page is at a disadvantage. */
const SATURATION = 1.2
const LENGTH_NORM = 0.75

/**
 * The pages that the words of `query` lead to, best first, by BM25. Words count by their stems; names of the API as they are written
 * (`addJob`) and by their parts (`job`).
 *
 * @see S. Robertson, H. Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009.
 */
export function searchPages(pages: readonly DocPage[], query: string): readonly Found[] {
  const terms = [...new Set(termsOf(query))]
  const entries = pages.map((page) => ({ page, counts: countsOf(page) }))
  const meanSize = entries.reduce((sum, { counts }) => sum + counts.size, 0) / Math.max(1, entries.length)
  const weights = terms.map((term) => {
    const having = entries.filter(({ counts }) => counts.byTerm.has(term)).length
    return { term, weight: Math.log(1 + (entries.length - having + 0.5) / (having + 0.5)) }
  })
  const scored = entries.map(({ page, counts }) => {
    const norm = SATURATION * (1 - LENGTH_NORM + (LENGTH_NORM * counts.size) / meanSize)
    const points = weights.map(({ term, weight }) => {
      const count = counts.byTerm.get(term) ?? 0
      const extra = (counts.inTitle.has(term) ? IN_TITLE : 0) + (counts.inHeadings.has(term) ? IN_HEADING : 0)
      return weight * ((count * (SATURATION + 1)) / (count + norm) + extra)
    })
    return { page, score: points.reduce((sum, one) => sum + one, 0) }
  })
  return scored
    .filter(({ score }) => score > 0)
    .toSorted((one, other) => other.score - one.score)
    .slice(0, MOST_FOUND)
    .map(({ page, score }) => ({
      slug: page.slug,
      title: page.title,
      score: Math.round(score * 10) / 10,
      excerpt: excerptOf(page.markdown, terms),
    }))
}

interface Counts {
  readonly byTerm: ReadonlyMap<string, number>
  readonly size: number
  readonly inTitle: ReadonlySet<string>
  readonly inHeadings: ReadonlySet<string>
}

function countsOf({ title, headings, markdown }: DocPage): Counts {
  const byTerm = new Map<string, number>()
  const terms = termsOf(markdown)
  for (const term of terms) byTerm.set(term, (byTerm.get(term) ?? 0) + 1)
  return {
    byTerm,
    size: terms.length,
    inTitle: new Set(termsOf(title)),
    inHeadings: new Set(headings.flatMap(termsOf)),
  }
}

function termsOf(text: string): string[] {
  return (text.match(/[A-Za-z0-9_$]+/g) ?? []).flatMap((word) => {
    const parts = word.match(/[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+/g) ?? []
    const names = parts.length > 1 ? [word.toLowerCase(), ...parts.map(stemOf)] : [stemOf(word)]
    return names.filter((name) => name.length > 1)
  })
}

/** Enough to find "retries" by "retry", and "pausing" by "pause". */
function stemOf(word: string): string {
  const small = word.toLowerCase()
  if (small.length < 5) return small.length > 3 ? small.replace(/(?<!s)s$/, '') : small
  return small
    .replace(/ies$|ied$/, 'y')
    .replace(/(?<!s)s$/, '')
    .replace(/(?<=\w{3})(?:ing|ed|e)$/, '')
}

/** The paragraph that has the most of the words, and what follows it. */
function excerptOf(markdown: string, terms: readonly string[]): string {
  const paragraphs = markdown.split(/\n{2,}/)
  const counts = paragraphs.map((paragraph) => {
    const there = new Set(termsOf(paragraph))
    return terms.filter((term) => there.has(term)).length
  })
  const best = counts.indexOf(Math.max(...counts))
  const text = paragraphs.slice(best).join('\n\n')
  return text.length > EXCERPT_CHARACTERS ? `${text.slice(0, EXCERPT_CHARACTERS)} …` : text
}
