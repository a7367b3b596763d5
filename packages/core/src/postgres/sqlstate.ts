import { isMillraceError, MillraceError } from '../errors.ts'
import type { ErrorDetails, MillraceErrorCode } from '../errors.ts'

/**
 * What kind of failure a statement met:
 *
 * - `unavailable`: no connection, or it broke, or the server is full, starting or shutting down. Passes by itself.
 * - `timeout`: the statement was cancelled or ran into a time limit (ours, or the server's).
 * - `conflict`: another transaction was in the way; the same statement may succeed a moment later.
 * - `read_only`: the server is a standby, as during a failover; a new connection may find the primary.
 * - `exhausted`: disk, memory or another resource ran out; passes when somebody makes room.
 * - `data`: this input cannot be stored; the rest of a batch can.
 * - `permanent`: anything else, such as a missing function or a wrong password.
 */
export type StoreFailure = 'unavailable' | 'timeout' | 'conflict' | 'read_only' | 'exhausted' | 'data' | 'permanent'

/**
 * When an error struck: while a connection was being had (nothing was sent), under a statement, or inside a transaction
 * before its commit was sent (the server will roll back, whatever happened).
 */
export type FailurePhase = 'connect' | 'statement' | 'uncommitted'

/** Whether the same statement may succeed a moment later. See `outcomeUnknown` before repeating one that writes. */
export function isTransient(error: unknown): boolean {
  const failure = classify(error)
  return failure !== 'data' && failure !== 'permanent' && failure !== 'exhausted'
}

/**
 * Whether the failed statement may have taken effect: the connection broke, or a time limit passed, after it was sent.
 * `false` means that it certainly did not. Takes raw driver errors and `MillraceError`s alike.
 */
export function outcomeUnknown(error: unknown): boolean {
  if (isMillraceError(error) && error.details.outcome !== undefined) return error.details.outcome === 'unknown'
  return outcomeOf(error, 'statement') === 'unknown'
}

/** The kind of failure, by SQLSTATE or the driver's code. Takes raw driver errors and `MillraceError`s alike. */
export function classify(error: unknown): StoreFailure {
  const code = storeCodeOf(error)
  if (code !== undefined) return classifyCode(code)
  if (isMillraceError(error)) {
    if (error.code === 'STORE_UNAVAILABLE') return 'unavailable'
    return error.code === 'STORE_TIMEOUT' ? 'timeout' : 'permanent'
  }
  return classifyMessage(error)
}

/**
 * The SQLSTATE, or the code Node or the driver gave; `undefined` if there is none. Looks through `cause`, because query
 * builders wrap what the driver threw.
 */
export function storeCodeOf(error: unknown): string | undefined {
  let current = error
  for (let depth = 0; depth < MAX_CAUSES && current instanceof Error; depth++) {
    if (isMillraceError(current)) {
      if (current.details.storeCode !== undefined) return current.details.storeCode
    } else if ('code' in current && typeof current.code === 'string' && isStoreCode(current.code)) {
      return current.code
    }
    current = current.cause
  }
  return undefined
}

/**
 * The `MillraceError` for what a driver threw; a `MillraceError` is returned as it is. `details.storeCode` holds the
 * code, `details.outcome` whether the statement may have taken effect, and `cause` the original.
 *
 * Codes: `STORE_UNAVAILABLE` (`unavailable`, `read_only`), `STORE_TIMEOUT` (`timeout`, and 55P03, a lock not had in
 * time), `STORE_FAILED` (all others, 40001 and 40P01 included).
 *
 * @param statement - What was run, for the message; only its first line is used.
 * @param phase - Default `statement`; the others mean that nothing can have taken effect.
 */
export function toMillraceError(error: unknown, statement?: string, phase: FailurePhase = 'statement'): MillraceError {
  if (isMillraceError(error)) return error
  const storeCode = storeCodeOf(error)
  // Failing to connect without any code is what pg-pool does when its time limit passes.
  const failure = phase === 'connect' && storeCode === undefined ? 'unavailable' : classify(error)
  const outcome = outcomeOf(error, phase)
  const isTransient = failure !== 'data' && failure !== 'permanent'
  const details: ErrorDetails = {
    outcome,
    isTransient,
    ...(failure === 'data' ? { isInput: true } : {}),
    ...(storeCode === undefined ? {} : { storeCode }),
  }
  return new MillraceError(codeFor(failure, storeCode), describe(error, statement, { phase, outcome, storeCode }), {
    cause: error,
    details,
  })
}

/** The error for a failure on a connection that is known to have broken, whatever the driver called it. */
export function connectionLost(cause: unknown, statement?: string, phase: FailurePhase = 'statement'): MillraceError {
  // The server's own answer, or a code of the socket, says more than that the connection is gone now.
  if (classify(cause) !== 'permanent') return toMillraceError(cause, statement, phase)
  const outcome = phase === 'statement' ? 'unknown' : 'none'
  const message = describe(cause, statement, { phase, outcome, storeCode: undefined })
  return new MillraceError('STORE_UNAVAILABLE', message, { cause, details: { outcome } })
}

/** The error for a statement that was not answered within `timeoutMs`, a limit of ours. */
export function statementTimeout(
  timeoutMs: number,
  statement?: string,
  phase: FailurePhase = 'statement',
): MillraceError {
  const outcome = phase === 'statement' ? 'unknown' : 'none'
  return new MillraceError(
    'STORE_TIMEOUT',
    `The database did not answer within ${timeoutMs} ms; ${OUTCOME_TEXT[outcome]}${inStatement(statement)}`,
    { details: { outcome } },
  )
}

const MAX_CAUSES = 5

const OUTCOME_TEXT = {
  none: 'the statement had no effect',
  unknown: 'whether the statement took effect is unknown',
} as const

/**
 * Codes of Node's sockets, of name resolution, and of `postgres` (postgres.js). EPIPE has the shape of a SQLSTATE, so
 * this table is asked first.
 */
const CONNECTION_CODES: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'CONNECT_TIMEOUT',
])

/** Those of them that can only mean that no connection was ever had. */
const NEVER_CONNECTED: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
  'CONNECT_TIMEOUT',
])

/** Codes of Node's TLS: the certificate will not be better next time. */
const TLS_CODE = /CERT|^ERR_(TLS|SSL)|^UNABLE_TO_|^HOSTNAME_MISMATCH$/

const SQLSTATE = /^[0-9A-Z]{5}$/

/** Exact codes first, then classes (their first two characters). */
const FAILURES: Readonly<Record<string, StoreFailure>> = {
  '0A000': 'read_only', // feature_not_supported; of ours, a serializable transaction on a standby that is yet to be promoted
  '08': 'unavailable', // connection exceptions; PgBouncer uses 08P01 for everything of its own
  '21': 'data',
  '22': 'data',
  '23': 'data',
  '25006': 'read_only',
  '25P03': 'unavailable', // idle_in_transaction_session_timeout: the server has closed the connection
  '25P04': 'timeout', // transaction_timeout
  '40': 'conflict',
  '40003': 'unavailable', // statement_completion_unknown
  '53': 'exhausted',
  '53300': 'unavailable', // too_many_connections
  '54': 'data', // program limits: too large a value
  '55P03': 'conflict', // lock_not_available
  '57014': 'timeout', // query_canceled: by statement_timeout or by an administrator
  '57P01': 'unavailable', // admin_shutdown
  '57P02': 'unavailable', // crash_shutdown
  '57P03': 'unavailable', // cannot_connect_now
  '57P05': 'unavailable', // idle_session_timeout
  '58030': 'exhausted', // io_error
}

/**
 * The server ends the connection with these, possibly after the commit: an ERROR leaves a statement without effect, a
 * FATAL need not.
 */
const SESSION_ENDED = /^(08...|57P0[1-5]|40003)$/

/**
 * What pg says where it gives no code at all. The executor recognises these by the state of the client; this table is
 * for errors that arrive through a user's own client.
 */
const DRIVER_MESSAGES: Readonly<
  Record<string, { readonly failure: StoreFailure; readonly outcome: 'none' | 'unknown' }>
> = {
  'Connection terminated': { failure: 'unavailable', outcome: 'unknown' },
  'Connection terminated unexpectedly': { failure: 'unavailable', outcome: 'unknown' },
  'Connection terminated due to connection timeout': { failure: 'unavailable', outcome: 'none' },
  'timeout exceeded when trying to connect': { failure: 'unavailable', outcome: 'none' },
  'timeout expired': { failure: 'unavailable', outcome: 'none' },
  'Client has encountered a connection error and is not queryable': { failure: 'unavailable', outcome: 'none' },
  'Client was closed and is not queryable': { failure: 'unavailable', outcome: 'none' },
  'Query read timeout': { failure: 'timeout', outcome: 'unknown' },
}

function isStoreCode(code: string): boolean {
  return CONNECTION_CODES.has(code) || SQLSTATE.test(code) || TLS_CODE.test(code)
}

function classifyCode(code: string): StoreFailure {
  if (CONNECTION_CODES.has(code)) return 'unavailable'
  return FAILURES[code] ?? FAILURES[code.slice(0, 2)] ?? 'permanent'
}

function classifyMessage(error: unknown): StoreFailure {
  return driverMessage(error)?.failure ?? 'permanent'
}

function driverMessage(error: unknown): (typeof DRIVER_MESSAGES)[string] | undefined {
  if (!(error instanceof Error) || !Object.hasOwn(DRIVER_MESSAGES, error.message)) return undefined
  return DRIVER_MESSAGES[error.message]
}

function outcomeOf(error: unknown, phase: FailurePhase): 'none' | 'unknown' {
  if (phase !== 'statement') return 'none'
  const code = storeCodeOf(error)
  if (code !== undefined) {
    if (CONNECTION_CODES.has(code)) return NEVER_CONNECTED.has(code) ? 'none' : 'unknown'
    return SESSION_ENDED.test(code) ? 'unknown' : 'none'
  }
  if (isMillraceError(error)) return classify(error) === 'permanent' ? 'none' : 'unknown'
  return driverMessage(error)?.outcome ?? 'none'
}

function codeFor(failure: StoreFailure, storeCode: string | undefined): MillraceErrorCode {
  if (failure === 'unavailable' || failure === 'read_only') return 'STORE_UNAVAILABLE'
  return failure === 'timeout' || storeCode === '55P03' ? 'STORE_TIMEOUT' : 'STORE_FAILED'
}

interface Circumstances {
  readonly phase: FailurePhase
  readonly outcome: 'none' | 'unknown'
  readonly storeCode: string | undefined
}

function describe(error: unknown, statement: string | undefined, circumstances: Circumstances): string {
  const { phase, outcome, storeCode } = circumstances
  // An AggregateError of Node (one attempt per address) has an empty message.
  const reason = (error instanceof Error ? error.message : String(error)) || 'no reason given'
  const code = storeCode === undefined ? '' : ` [${storeCode}]`
  if (phase === 'connect') return `No connection to the database: ${reason}${code}`
  return `The database failed: ${reason}${code}; ${OUTCOME_TEXT[outcome]}${inStatement(statement)}`
}

function inStatement(statement: string | undefined): string {
  if (statement === undefined) return ''
  const line = statement.trim().split('\n', 1)[0] ?? ''
  return `: ${line.length > 120 ? `${line.slice(0, 119)}…` : line}`
}
