import { describe, expect, it } from 'vitest'
import { type ErrorDetails, isMillraceError, MillraceError } from './errors.ts'
import { OPEN_LIMIT_MS, openPatiently } from './queue-open.ts'
import { ManualClock } from './testing/manual-clock.ts'

const REFUSED: ErrorDetails = { isTransient: true, storeCode: 'ECONNREFUSED', outcome: 'none' }

function failing(
  details: ErrorDetails,
  times = Number.POSITIVE_INFINITY,
): { open: () => Promise<string>; tries: number } {
  const server = {
    tries: 0,
    open: (): Promise<string> =>
      ++server.tries > times
        ? Promise.resolve('open')
        : Promise.reject(new MillraceError('STORE_UNAVAILABLE', 'refused', { details })),
  }
  return server
}

function opening(open: () => Promise<string>): {
  clock: ManualClock
  close: AbortController
  told: number[]
  result: Promise<unknown>
} {
  const clock = new ManualClock()
  const close = new AbortController()
  const told: number[] = []
  const result = openPatiently(open, { clock, signal: close.signal, onRetry: (_error, inMs) => told.push(inMs) })
  return { clock, close, told, result: result.catch((error: unknown) => error) }
}

describe('the first call', () => {
  it('waits for a server that is restarting', async () => {
    const { clock, told, result } = opening(failing(REFUSED, 4).open)
    await clock.advance(2000)
    await expect(result).resolves.toBe('open')
    expect(told).toEqual([75, 150, 300, 600])
  })

  it('gives up after ten seconds, with the last error', async () => {
    const { clock, result } = opening(failing(REFUSED).open)
    await clock.advance(OPEN_LIMIT_MS)
    expect(isMillraceError(await result, 'STORE_UNAVAILABLE')).toBe(true)
    expect(clock.pendingTimers).toBe(0)
  })

  it.each([
    ['a host that does not exist', { isTransient: true, storeCode: 'ENOTFOUND' }],
    ['a wrong password', { isTransient: false, storeCode: '28P01' }],
  ])('rejects at once for %s', async (_what, details) => {
    const server = failing(details)
    const { told, result } = opening(server.open)
    expect(isMillraceError(await result, 'STORE_UNAVAILABLE')).toBe(true)
    expect([server.tries, told]).toEqual([1, []])
  })

  it('rejects at once when the queue is closed meanwhile', async () => {
    const { clock, close, result } = opening(failing(REFUSED).open)
    await clock.advance(50)
    close.abort()
    expect(isMillraceError(await result, 'QUEUE_CLOSED')).toBe(true)
    expect(clock.pendingTimers).toBe(0)
  })
})
