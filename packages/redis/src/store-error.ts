import { isMillraceError, MillraceError } from 'millrace'
import type { ErrorDetails } from 'millrace'

/** Whether the command was on its way to the server when it failed. */
type Phase = 'unsent' | 'sent'

/** First words of Redis' errors that pass by themselves: nothing was run. */
const PASSING: ReadonlySet<string> = new Set([
  'LOADING',
  'BUSY',
  'CLUSTERDOWN',
  'MASTERDOWN',
  // A slot of a cluster that is on its way to another node, or has arrived there.
  'TRYAGAIN',
  'ASK',
  'MOVED',
  'READONLY',
  'NOREPLICAS',
  'MISCONF',
])

const FULL =
  'Redis is out of memory (maxmemory) and takes no new jobs; what runs can still complete. Raise `maxmemory`, or delete old jobs ' +
  '(`cleanupOldJobs`).'

/**
 * The `MillraceError` for what ioredis threw; a `MillraceError` is returned as it is. `details.storeCode` holds the first word of the
 * server's error or the socket's code, `details.outcome` whether the command may have taken effect.
 */
export function toStoreError(error: unknown, operation: string, phase: Phase): MillraceError {
  if (isMillraceError(error)) return error
  const message = error instanceof Error ? error.message : String(error)
  const storeCode = codeOf(error, message)
  const options = (details: ErrorDetails): { cause: unknown; details: ErrorDetails } => ({
    cause: error,
    details: { ...details, ...(storeCode === undefined ? {} : { storeCode }) },
  })
  if (isReply(error)) {
    // A script runs whole or, by its flags, not at all; what fails inside one is a fault of ours.
    if (storeCode === 'OOM')
      return new MillraceError('STORE_FAILED', FULL, options({ outcome: 'none', isTransient: false, remedy: FULL }))
    if (storeCode === 'INPUT')
      return new MillraceError('STORE_FAILED', message, options({ outcome: 'none', isInput: true, isTransient: false }))
    const isPassing = storeCode !== undefined && PASSING.has(storeCode)
    return new MillraceError(
      isPassing ? 'STORE_UNAVAILABLE' : 'STORE_FAILED',
      `Redis refused \`${operation}\`: ${message}`,
      options({ outcome: 'none', isTransient: isPassing }),
    )
  }
  const outcome = phase === 'sent' ? 'unknown' : 'none'
  const what = phase === 'sent' ? 'may have had its effect' : 'was not sent'
  return new MillraceError(
    'STORE_UNAVAILABLE',
    `Redis cannot be reached; \`${operation}\` ${what}: ${message}`,
    options({ outcome, isTransient: true }),
  )
}

/** The error for a command that was not answered in time. */
export function timeLimit(operation: string, timeoutMs: number): MillraceError {
  return new MillraceError(
    'STORE_TIMEOUT',
    `Redis did not answer \`${operation}\` within ${timeoutMs} ms; it may have had its effect.`,
    { details: { outcome: 'unknown', isTransient: true } },
  )
}

/** Whether the server itself answered with an error. */
export function isReply(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError'
}

function codeOf(error: unknown, message: string): string | undefined {
  if (isReply(error)) return /^[A-Z]+/.exec(message)?.[0]
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string')
    return error.code
  return undefined
}
