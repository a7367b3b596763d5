import { describe, expect, it } from 'vitest'
import { jsonReport, MARKDOWN_HEADER, markdownRow, textReport } from '../../src/report.ts'
import { Story } from './story.ts'

const good = () => new Story().add(100, 1).ran([200, 300], 'w1', 1).finish().judge()
const lost = () => new Story().add(100, 1).add(100, 2).ran([200, 300], 'w1', 2).finish({ 2: 'completed' }).judge()

describe('the report of a run', () => {
  it('says of each promise whether it was held, violated, or not put to the test', () => {
    const text = textReport(good())
    expect(text).toMatch(/^G1 {2}durable accept +held \(1 tested\)$/m)
    expect(text).toMatch(/^G26 dashboard +not exercised$/m)
    expect(text).toContain('GREEN')
    expect(textReport(lost())).toMatch(/^G1 {2}durable accept +VIOLATED 1 times \(2 tested\)$/m)
  })

  it('names the job, the events, and where they are written', () => {
    const text = textReport(lost())
    expect(text).toContain('job 1: It was acknowledged, and is not there any more though it never ended.')
    expect(text).toMatch(/#\d+ p1\.jsonl:\d add-ok at 110\.000 ms/)
    expect(text).toMatch(/^lost +1$/m)
    expect(text).not.toContain('GREEN')
  })

  it('is a row of a table with as many cells as its header', () => {
    const cells = (row: string) => row.split('|').length
    const row = markdownRow(lost())
    expect(cells(row)).toBe(cells(MARKDOWN_HEADER.split('\n')[0] ?? ''))
    expect(row).toMatch(
      /^\| postgres \| 1 \| none \| 2 \| 1 \| \*\*red\*\*: \d+ held, G1 violated, \d+ not exercised \| 1 \| 0 \|/,
    )
  })

  it('keeps everything for machines', () => {
    expect(JSON.parse(jsonReport(lost()))).toMatchObject({ isGreen: false, counters: { lost: 1 } })
  })
})

describe('a run in which nothing happened', () => {
  it('is not green, though nothing is violated', () => {
    const judgement = new Story({ faults: ['kill'] }).finish({}).judge()
    expect(judgement.verdicts.filter(({ verdict }) => verdict === 'violated')).toEqual([])
    expect(judgement.isGreen).toBe(false)
    expect(judgement.coverage.missing).toEqual([
      'job acknowledged',
      'handler ended: ok',
      'job read: completed',
      'fault: kill',
    ])
  })

  it('nor is one whose fault hit a running handler to no effect', () => {
    const frozen = () =>
      new Story({ faults: ['stall'] })
        .add(100, 1)
        .add(100, 2)
        .ran([200, 300], 'w2', 2)
        .start(200, 'w1', 1)
        .fault([300, 20_000], 'stall', ['w1'])
    const idle = frozen().end(20_100, 'w1', 1).finish({ 1: 'completed', 2: 'completed' }).judge()
    expect(idle.coverage.missing).toEqual(['run again: away'])
    const taken = frozen()
      .ran([6_000, 6_100], 'w2', 1, 2)
      .abort(20_050, 'w1', 1, 'lease-lost')
      .end(20_100, 'w1', 1)
      .finish({ 1: 'completed', 2: 'completed' })
      .judge()
    expect(taken.coverage.missing).toEqual([])
    expect(taken.isGreen).toBe(true)
  })
})
