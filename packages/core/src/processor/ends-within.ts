import type { Clock } from '../model/clock.ts'

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
