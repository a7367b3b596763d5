import type { Clock } from '../model/clock.ts'

/** Waits `delayMs`, or until `signal` aborts. */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      timer.cancel()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = clock.after(delayMs, end)
    signal.addEventListener('abort', end)
  })
}

/** Whether `ended` resolves within `limitMs`; it must not reject. */
export function endsWithin(clock: Clock, ended: Promise<void>, limitMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = clock.after(limitMs, () => resolve(false))
    void ended.then(() => {
      timer.cancel()
      resolve(true)
    })
  })
}
