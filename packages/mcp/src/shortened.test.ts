import { describe, expect, it } from 'vitest'
import { shortened } from './shortened.ts'

describe('an answer', () => {
  it('that is short stays as it is', () => {
    const value = { text: 'x'.repeat(40_000) }
    expect(shortened(value)).toEqual({ value, note: null })
  })

  it('loses the ends of its longest texts first', () => {
    const { value, note } = shortened({ short: 'y'.repeat(3000), long: 'x'.repeat(60_000) })
    expect(value).toEqual({ short: 'y'.repeat(3000), long: `${'x'.repeat(4000)} … 56000 more` })
    expect(note).toContain('texts to 4000 characters')
  })

  it('loses items of lists, wherever they are', () => {
    const { value } = shortened({ deep: { list: Array.from({ length: 3000 }, () => 'z'.repeat(200)) } })
    expect(value).toEqual({ deep: { list: [...Array.from({ length: 100 }, () => 'z'.repeat(200)), '… 2900 more'] } })
  })

  it('that cannot be made short is not given', () => {
    const { value, note } = shortened(
      Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`a long name ${n}`, n])),
    )
    expect(value).toEqual({})
    expect(note).toContain('more than can be shown')
  })
})
