import { describe, expect, it } from 'vitest'
import { isMillraceError, MillraceError } from '../errors.ts'
import type { SettleResult } from '../store/settle.ts'
import { turn } from '../testing/gate.ts'
import { Reporter, type ReportValues } from './reporter.ts'

interface Store {
  readonly sent: ReportValues[]
  readonly stored: ReportValues[]
  readonly errors: unknown[]
  lost: number
  /** Answers the oldest report under way. */
  answer(result: SettleResult | Error): Promise<void>
}

function create(): { reporter: Reporter; store: Store } {
  const pending: ((result: SettleResult | Error) => void)[] = []
  const store: Store = {
    sent: [],
    stored: [],
    errors: [],
    lost: 0,
    async answer(result) {
      pending.shift()?.(result)
      await turn()
    },
  }
  const reporter = new Reporter({
    send(values) {
      store.sent.push(values)
      return new Promise((resolve, reject) =>
        pending.push((result) => (result instanceof Error ? reject(result) : resolve(result))),
      )
    },
    onStored: (values) => store.stored.push(values),
    onLost: () => store.lost++,
    onError: (error) => store.errors.push(error),
  })
  return { reporter, store }
}

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return error instanceof MillraceError ? error.code : error
}

describe('Reporter', () => {
  it.each([-0.001, 100.001, Number.NaN, Number.POSITIVE_INFINITY])('refuses a progress of %s', async (percent) => {
    const { reporter, store } = create()
    const error = await reporter.progress(percent).catch((reason: unknown) => reason)
    expect(isMillraceError(error, 'OPTION_INVALID') && error.message).toBe('Progress must be between 0 and 100')
    expect(store.sent).toEqual([])
  })

  it('does not let a report that failed pass for stored once the attempt is over', async () => {
    const { reporter, store } = create()
    const output = codeOf(reporter.output('late'))
    reporter.close(new MillraceError('LEASE_LOST', 'over'))
    await store.answer(new Error('connection reset'))
    expect(await output).toBe('LEASE_LOST')
    expect(store.stored).toEqual([])
  })

  it('sends one report at a time, in which the last value wins', async () => {
    const { reporter, store } = create()
    const done: number[] = []
    for (const percent of [1, 2, 3.4]) void reporter.progress(percent).then(() => done.push(percent))
    void reporter.output({ a: 1 })
    await turn()
    expect(store.sent).toEqual([{ progress: 1 }])
    await store.answer('settled')
    expect(done).toEqual([1])
    expect(store.sent[1]).toEqual({ progress: 3, output: '{"a":1}' })
    await store.answer('settled')
    expect(done).toEqual([1, 2, 3.4])
    expect(store.stored).toEqual(store.sent)
    expect(reporter.idle).toBeUndefined()
  })

  it('does not send what is stored or under way already', async () => {
    const { reporter, store } = create()
    const first = reporter.progress(50)
    const second = reporter.progress(50.2)
    await store.answer('settled')
    await Promise.all([first, second, reporter.progress(50)])
    expect(store.sent).toEqual([{ progress: 50 }])
    void reporter.progress(60)
    void reporter.progress(50)
    await store.answer('settled')
    expect(store.sent.map((values) => values.progress)).toEqual([50, 60, 50])
  })

  it('resolves when the store fails, and keeps the output for the outcome', async () => {
    const { reporter, store } = create()
    const output = reporter.output([1])
    await store.answer(new Error('away'))
    await output
    expect(store.errors).toEqual([new Error('away')])
    expect(reporter.unstoredOutput).toBe('[1]')
    void reporter.output([2])
    await store.answer('settled')
    expect([reporter.hasOutput, reporter.unstoredOutput]).toEqual([true, undefined])
  })

  it('rejects with the lost lease when the store refuses', async () => {
    const { reporter, store } = create()
    const code = codeOf(reporter.progress(1))
    await store.answer('lost')
    expect(await code).toBe('LEASE_LOST')
    expect(store.lost).toBe(1)
  })

  it('rejects what waits, and whatever comes, once it is closed', async () => {
    const { reporter, store } = create()
    const underWay = codeOf(reporter.progress(1))
    const waiting = codeOf(reporter.progress(2))
    reporter.close(new MillraceError('LEASE_LOST', 'over'))
    expect(await waiting).toBe('LEASE_LOST')
    expect(await codeOf(reporter.output(1))).toBe('LEASE_LOST')
    reporter.prolonged(5)
    await store.answer('lost')
    expect(await underWay).toBe('LEASE_LOST')
    expect([store.sent.length, store.lost]).toEqual([1, 0])
  })

  it('refuses an output that is no JSON and stores `undefined` as null', async () => {
    const { reporter, store } = create()
    expect(await codeOf(reporter.output(() => 1))).toBe('OUTPUT_INVALID')
    expect(reporter.hasOutput).toBe(false)
    void reporter.output(undefined)
    await turn()
    expect(store.sent).toEqual([{ output: 'null' }])
    await store.answer('settled')
  })
})
