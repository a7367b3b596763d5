import { describe, expect, it } from 'vitest'
import type { NewLogLine } from '../model/log.ts'
import type { LogEntry, LogResult } from '../store/logs.ts'
import { createAttemptBench } from '../testing/attempt-bench.ts'
import { turn } from '../testing/gate.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { LogBuffer } from './log-buffer.ts'

interface Bench {
  readonly clock: ManualClock
  readonly buffer: LogBuffer
  readonly errors: unknown[]
  /** The calls so far: of each attempt its id, what was dropped, and the messages. */
  readonly calls: (readonly [number, number, string[]])[][]
  /** Answers the oldest call under way. */
  readonly answer: (results: readonly LogResult[] | Error) => Promise<void>
  readonly log: (id: number, ...messages: string[]) => void
}

function create(): Bench {
  const pending: ((results: readonly LogResult[] | Error) => void)[] = []
  const calls: Bench['calls'] = []
  const errors: unknown[] = []
  const clock = new ManualClock()
  const writeLogs = ({ entries }: { readonly entries: readonly LogEntry[] }): Promise<readonly LogResult[]> => {
    calls.push(entries.map(({ id, dropped, lines }) => [id, dropped, lines.map(({ message }) => message)] as const))
    return new Promise((resolve, reject) =>
      pending.push((results) => (results instanceof Error ? reject(results) : resolve(results))),
    )
  }
  const buffer = new LogBuffer({ store: { writeLogs }, clock, onError: (error) => errors.push(error) })
  return {
    clock,
    buffer,
    errors,
    calls,
    async answer(results) {
      pending.shift()?.(results)
      await turn()
    },
    log(id, ...messages) {
      for (const message of messages) buffer.add({ ...job, id }, line(message))
    },
  }
}

const { job } = createAttemptBench().start(() => undefined)

function line(message: string): NewLogLine {
  return { loggedAt: 0, level: 'info', message, fields: null }
}

describe('LogBuffer', () => {
  it('sends what all attempts say within 100 ms in one call', async () => {
    const { clock, buffer, calls, log, answer } = create()
    log(1, 'a', 'b')
    log(2, 'c')
    await clock.advance(99)
    expect(calls).toEqual([])
    await clock.advance(1)
    expect(calls).toEqual([
      [
        [1, 0, ['a', 'b']],
        [2, 0, ['c']],
      ],
    ])
    await answer(['stored', 'lost'])
    await buffer.close()
    expect(clock.pendingTimers).toBe(0)
  })

  it('takes along what came during a call, and tells a flush when all of it was sent', async () => {
    const { buffer, calls, log, answer } = create()
    log(1, 'a')
    const first = buffer.flush()
    log(1, 'b')
    log(2, 'c')
    let isFlushed = false
    const second = buffer.flush().then(() => (isFlushed = true))
    await answer(['stored'])
    expect(calls[1]).toEqual([
      [1, 0, ['b']],
      [2, 0, ['c']],
    ])
    expect(isFlushed).toBe(false)
    await answer(['stored', 'stored'])
    await Promise.all([first, second])
  })

  it('keeps the order when the store fails, and asks again a second later', async () => {
    const { clock, buffer, calls, errors, log, answer } = create()
    log(1, 'a')
    const flushed = buffer.flush()
    log(1, 'b')
    await answer(new Error('no database'))
    await flushed
    expect(errors).toHaveLength(1)
    log(1, 'c')
    await clock.advance(999)
    expect(calls).toHaveLength(1)
    await clock.advance(1)
    expect(calls[1]).toEqual([[1, 0, ['a', 'b', 'c']]])
    await answer(['stored'])
    await buffer.close()
  })

  it('asks again for what was busy, and for that alone', async () => {
    const { clock, buffer, calls, log, answer } = create()
    log(1, 'a')
    log(2, 'b')
    const flushed = buffer.flush()
    await answer(['busy', 'stored'])
    await flushed
    await clock.advance(1000)
    expect(calls[1]).toEqual([[1, 0, ['a']]])
    await answer(['stored'])
    await buffer.close()
  })

  it('holds the last thousand lines of a job and ten thousand in all, and counts the others', async () => {
    const { buffer, calls, log, answer } = create()
    log(1, 'first')
    void buffer.flush()
    for (let id = 1; id <= 12; id++) log(id, ...Array.from({ length: 1001 }, (_, n) => `${n}`))
    await answer(new Error('no database'))
    const flushed = buffer.flush()
    const [one, , , , , , , , , , eleven] = calls[1] ?? []
    expect([one?.[0], one?.[1], one?.[2].length, one?.[2][0]]).toEqual([1, 2, 1000, '1'])
    expect([eleven?.[1], eleven?.[2]]).toEqual([1001, []])
    await answer(Array.from({ length: 12 }, () => 'stored' as const))
    await flushed
    await buffer.close()
  })
})
