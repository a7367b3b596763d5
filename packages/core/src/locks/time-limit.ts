import { MillraceError } from '../errors.ts'
import { checkInteger } from '../model/check.ts'

/** The longest that a timer of Node can wait: 24.8 days. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1

/** @throws MillraceError `OPTION_INVALID` */
export function checkTimeout(timeoutMs: number | undefined): void {
  if (timeoutMs !== undefined)
    checkInteger('timeoutMs', timeoutMs, { min: 1, max: MAX_TIMEOUT_MS, remedy: 'Pass whole milliseconds' })
}

/**
 * What `fn` answers. After `timeoutMs` its signal fires and this rejects, whether `fn` heeds the signal or not: what does not
 * goes on by itself, and nobody waits for it.
 *
 * @throws MillraceError `JOB_TIMEOUT`, which is also the signal's reason; and what `fn` throws
 */
export function withinTime<T>(
  { what, timeoutMs }: { readonly what: string; readonly timeoutMs: number | undefined },
  fn: (signal: AbortSignal) => T | Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  return new Promise<T>((resolve, reject) => {
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            const message = `${what} ran longer than its \`timeoutMs\`, ${timeoutMs} ms, and was given up.`
            const error = new MillraceError('JOB_TIMEOUT', message, {
              details: { field: 'timeoutMs', value: timeoutMs },
            })
            controller.abort(error)
            reject(error)
          }, timeoutMs)
    Promise.resolve(controller.signal)
      .then(fn)
      .then(resolve, reject)
      .finally(() => clearTimeout(timer))
  })
}
