import { describe, expect, it } from 'vitest'
import type { GuaranteeId } from '../../src/checker/violation.ts'
import { broken, kept, type Story } from './story.ts'

/** A bad history, what it breaks, and the same without the flaw. */
export interface Case {
  readonly guarantee: GuaranteeId
  readonly flaw: string
  readonly bad: () => Story
  readonly good: () => Story
  /** Promises that are broken by nature along with this one. */
  readonly also?: readonly GuaranteeId[]
}

/** Tests that the checker finds each flaw, and nothing in the history without it. */
export function holdAll(cases: readonly Case[]): void {
  describe.each(cases)('$guarantee is broken when $flaw', ({ guarantee, bad, good, also = [] }) => {
    it('and the checker says so, and names the events', () => {
      const judgement = bad().judge()
      expect(broken(judgement)).toEqual([guarantee, ...also])
      const [violation] = judgement.verdicts.find((verdict) => verdict.guarantee === guarantee)?.violations ?? []
      expect(violation?.events.length).toBeGreaterThan(0)
      expect(judgement.isGreen).toBe(false)
    })

    it('and without that flaw it is held', () => {
      const judgement = good().judge()
      expect(broken(judgement)).toEqual([])
      expect(kept(judgement)).toContain(guarantee)
    })
  })
}
