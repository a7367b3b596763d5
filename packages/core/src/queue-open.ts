import { isMillraceError, MillraceError } from './errors.ts'
import { pause } from './model/clock.ts'
import type { Clock } from './model/clock.ts'

/** How long the first call of a queue waits for a database that does not take connections. */
export const OPEN_LIMIT_MS = 10_000

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 2000

export interface OpenOptions {
  readonly clock: Clock
  /** Aborts when the queue is closed. */
  readonly signal: AbortSignal
  /** Told of each failure that is tried again. */
  readonly onRetry: (error: unknown, retryInMs: number) => void
}

/**
 * Opens a store, and tries again for `OPEN_LIMIT_MS` while its server refuses connections, as one does that restarts or is
 * full. What does not pass by itself, such as a wrong password or a host that does not exist, rejects at once.
 *
 * @throws MillraceError `QUEUE_CLOSED` when `signal` aborts; else the last failure.
 */
export async function openPatiently<T>(open: () => Promise<T>, { clock, signal, onRetry }: OpenOptions): Promise<T> {
  const startedAt = clock.now()
  for (let failures = 0; ; failures++) {
    try {
      return await open()
    } catch (error) {
      if (signal.aborted) throw new MillraceError('QUEUE_CLOSED', 'The queue has been closed.', { cause: error })
      const ceilingMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures)
      const retryInMs = ceilingMs * (0.5 + clock.random() / 2)
      if (!mayPass(error) || clock.now() - startedAt + retryInMs > OPEN_LIMIT_MS) throw error
      onRetry(error, retryInMs)
      await pause(clock, retryInMs, signal)
    }
    if (signal.aborted) throw new MillraceError('QUEUE_CLOSED', 'The queue has been closed.')
  }
}

/** Codes of a host or a socket that does not exist: a mistake in the configuration, most likely. */
const NOWHERE: ReadonlySet<string> = new Set(['ENOTFOUND', 'ENOENT'])

function mayPass(error: unknown): boolean {
  if (!isMillraceError(error)) return false
  const { storeCode, isTransient } = error.details
  return isTransient === true && !(storeCode !== undefined && NOWHERE.has(storeCode))
}
