import { isMillraceError, type MillraceErrorCode } from 'millrace'
import { RequestProblem } from './request-problem.ts'
import type { Problem } from './wire.ts'

/** What who asks can mend; everything else is a fault of the server. */
const STATUS_BY_CODE: Partial<Readonly<Record<MillraceErrorCode, number>>> = {
  OPTION_INVALID: 400,
  PAYLOAD_INVALID: 400,
  PAYLOAD_TOO_LARGE: 413,
  JOB_NOT_FOUND: 404,
  SCHEDULE_EXISTS: 409,
  FEATURE_UNSUPPORTED: 501,
  STORE_UNAVAILABLE: 503,
  STORE_TIMEOUT: 503,
  QUEUE_CLOSED: 503,
}

/** What is answered in place of what went wrong; nothing of it tells what is nobody's business. */
export function problemOf(error: unknown): { readonly status: number; readonly body: Problem } {
  if (error instanceof RequestProblem) return { status: error.status, body: { error: error.message, code: error.code } }
  if (!isMillraceError(error))
    return { status: 500, body: { error: 'Something went wrong in the dashboard.', code: 'INTERNAL' } }
  // Of a failed statement the message may hold what the database said of its values.
  const message = error.code === 'STORE_FAILED' ? 'The database refused a statement.' : error.message
  return { status: STATUS_BY_CODE[error.code] ?? 500, body: { error: message, code: error.code } }
}
