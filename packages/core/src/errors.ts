/** Every code a `MillraceError` can carry, with the sentence the reference prints for it. */
export const ERROR_CODES = {
  CONFIG_INVALID: 'An option of `initJobQueue` is missing, unknown or contradicts another one.',
  OPTION_INVALID: 'An option of a call has a value outside its documented range.',
  PAYLOAD_INVALID: 'The payload cannot be delivered unaltered, or does not satisfy its schema.',
  PAYLOAD_TOO_LARGE: 'The encoded payload is larger than `maxPayloadBytes`.',
  OUTPUT_INVALID: 'The output of a handler cannot be stored unaltered.',
  JOB_NOT_FOUND: 'No job has this id.',
  SCHEDULE_EXISTS: 'A schedule has this name already.',
  LEASE_LOST: 'Another worker, or the supervisor, has taken this attempt over.',
  JOB_CANCELLED: 'The job was cancelled while it ran.',
  JOB_TIMEOUT: 'The attempt ran longer than its `timeoutMs`.',
  NO_HANDLER: 'No handler is registered for this job type.',
  HANDLER_EXISTS: 'A handler is registered for this job type already.',
  HANDLER_INVALID: 'The handler cannot run in a worker thread.',
  SHUTTING_DOWN: 'The worker is draining; the attempt is handed back without using it up.',
  QUEUE_CLOSED: 'The queue has been closed.',
  NOT_YET: 'This option or method belongs to a part that this version does not have yet.',
  FEATURE_UNSUPPORTED: 'This store cannot do that.',
  STORE_UNAVAILABLE: 'The database could not be reached, or refused the connection, within the time limit.',
  STORE_TIMEOUT: 'A statement took longer than its time limit; its outcome is unknown unless the message says so.',
  STORE_FAILED: 'The database answered with an error that retrying does not mend.',
  SCHEMA_MISSING: 'The database has no schema of this name, and `migrate` is `check`.',
  SCHEMA_OUTDATED: 'The schema in the database is older than this version needs, and `migrate` is `check`.',
  SCHEMA_TOO_NEW: 'The schema in the database no longer tolerates this version.',
  SCHEMA_CHANGED: 'A released migration differs from the one recorded in the database.',
  EMBEDDED_MISSING: 'The embedded database is not installed.',
  REDIS_MISSING: 'The Redis store is not installed.',
  EMBEDDED_LOCKED: 'Another process owns this data directory and cannot be joined.',
  EMBEDDED_CORRUPT: 'The embedded database could not start on this data directory.',
  STEP_DUPLICATE: 'Two steps or waits of one attempt have the same name.',
  STEP_TIMEOUT: 'A step took longer than its `timeoutMs`.',
  STEP_RESULT_INVALID: 'The result of a step cannot be stored unaltered.',
  WORKFLOW_CHANGED: 'The handler came to another wait than the one that is stored at this position.',
  TOKEN_NOT_FOUND: 'No token has this id.',
  JOB_WAITING: 'The job waits; its handler is called again when the wait is over.',
  IN_TRANSACTION: 'The call cannot be made in a transaction: it would need a second connection, or hold the first.',
  EXPORT_REFUSED: 'The queue cannot be exported as it is now.',
  IMPORT_REFUSED:
    'What is to be imported cannot be taken over as it is: a broken export, or tables that are in use or not there.',
  TRANSACTION_TIMEOUT: 'A transaction was held longer than its limit, and rolled back.',
} as const

/** A stable code; `code` of a `MillraceError` is always one of these. */
export type MillraceErrorCode = keyof typeof ERROR_CODES

/** Where and what went wrong, for programs; the message says the same to people. */
export interface ErrorDetails {
  /** The option or payload path at fault, such as `maxAttempts` or `payload.items[3]`. */
  readonly field?: string
  /** The value that was refused, as given. */
  readonly value?: unknown
  /** What to do instead. */
  readonly remedy?: string
  /** The store's own code, such as a SQLSTATE. */
  readonly storeCode?: string
  /**
   * Of a failed statement: `none` = it certainly had no effect, `unknown` = it may have had, because the connection or
   * the time limit ended before the answer came.
   */
  readonly outcome?: 'none' | 'unknown'
  /** Of a failed statement: whether the same statement may succeed later, such as after a deadlock or on a full disk. */
  readonly isTransient?: boolean
  /** Of a failed statement: whether it is its input that the store will never take; other inputs are not concerned. */
  readonly isInput?: boolean
}

/**
 * The one error class of Millrace. Narrow it by `code` (see `isMillraceError`), not by `instanceof`: two copies of the
 * package may meet in one process.
 */
export class MillraceError extends Error {
  override readonly name: string = 'MillraceError'
  readonly code: MillraceErrorCode
  readonly details: ErrorDetails

  constructor(
    code: MillraceErrorCode,
    message: string,
    options: ErrorOptions & { readonly details?: ErrorDetails } = {},
  ) {
    super(message, options)
    this.code = code
    this.details = options.details ?? {}
  }
}

/** Whether `error` is a `MillraceError`, of this or another copy of the package, optionally with the given code. */
export function isMillraceError(error: unknown, code?: MillraceErrorCode): error is MillraceError {
  if (!(error instanceof Error) || error.name !== 'MillraceError' || !('code' in error)) return false
  return code === undefined || error.code === code
}
