import { describe, expect, it } from 'vitest'
import { broken, Story } from './story.ts'

/** A server that went down at 10,000 and may have lost the two seconds before. */
function withLoss(story: Story, at = 10_000): Story {
  const about = { id: 'loss', name: 'redis-power-loss', effect: 'lossy' } as const
  return story
    .fault([at, at + 500], 'server')
    .write(at, 'harness', 'fault', { ...about, phase: 'begin', lossMs: 2000 })
    .write(at + 500, 'harness', 'fault', { ...about, phase: 'end' })
}

describe('a store that may have lost what it acknowledged', () => {
  it('is excused for a job that was acknowledged less than two seconds before, and for no other', () => {
    expect(broken(withLoss(new Story().add(9000, 1)).finish({}).judge())).toEqual([])
    expect(broken(withLoss(new Story().add(7000, 1)).finish({}).judge())).toEqual(['G1'])
    expect(broken(new Story().add(9000, 1).fault([10_000, 10_500], 'server').finish({}).judge())).toEqual(['G1'])
  })

  it('may run a job again whose completion it lost, under the token that its worker holds', () => {
    const again = (worker: string, from: number): Story =>
      new Story()
        .add(100, 1)
        .start(from, 'w1', 1, { token: 7 })
        .end(from + 100, 'w1', 1)
        .start(13_000, worker, 1, { exec: `${worker}/1/again`, token: 7 })
        .write(13_100, worker, 'end', { exec: `${worker}/1/again`, outcome: 'ok' })
    expect(broken(withLoss(again('w1', 9000)).finish().judge())).not.toContain('G7')
    expect(broken(again('w1', 9000).finish().judge())).toContain('G7')
    // Long before what could be lost.
    expect(broken(withLoss(again('w1', 3000)).finish().judge())).toContain('G5')
  })

  it('must not give a token out twice', () => {
    const story = new Story()
      .add(100, 1)
      .start(9000, 'w1', 1, { token: 7 })
      .start(12_000, 'w2', 1, { token: 7, attempt: 2 })
      .end(12_100, 'w2', 1, { attempt: 2 })
    expect(broken(withLoss(story).finish().judge())).toContain('G7')
  })
})
