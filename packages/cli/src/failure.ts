import { ERROR_CODES, isMillraceError, type MillraceErrorCode } from 'millrace'
import { safe, toJson } from './text.ts'

/** What the process ends with. They are stable. */
export const EXIT = {
  ok: 0,
  /** Something was found, was not changed, or failed. */
  finding: 1,
  /** The command line, or a value on it, cannot be used. */
  usage: 2,
  /** The database cannot be reached. */
  unreachable: 3,
} as const
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

const EXIT_BY_CODE: { readonly [C in MillraceErrorCode]?: ExitCode } = {
  CONFIG_INVALID: EXIT.usage,
  OPTION_INVALID: EXIT.usage,
  PAYLOAD_INVALID: EXIT.usage,
  PAYLOAD_TOO_LARGE: EXIT.usage,
  FEATURE_UNSUPPORTED: EXIT.usage,
  STORE_UNAVAILABLE: EXIT.unreachable,
  REDIS_MISSING: EXIT.unreachable,
  EMBEDDED_MISSING: EXIT.unreachable,
  EMBEDDED_LOCKED: EXIT.unreachable,
  EMBEDDED_CORRUPT: EXIT.unreachable,
}

const NEXT_BY_CODE: { readonly [C in MillraceErrorCode]?: string } = {
  JOB_NOT_FOUND: 'millrace ls',
  SCHEMA_MISSING: 'millrace migrate',
  SCHEMA_OUTDATED: 'millrace migrate',
  SCHEMA_TOO_NEW: 'npm install millrace@latest @millrace/cli@latest',
  STORE_UNAVAILABLE: 'check that the database runs and what --database or DATABASE_URL names, then: millrace doctor',
  STORE_TIMEOUT: 'millrace doctor',
  STORE_FAILED: 'millrace doctor',
  REDIS_MISSING: 'npm install @millrace/redis',
  EMBEDDED_MISSING: 'npm install @millrace/pglite, or name a database with --database',
}

interface Failure {
  readonly code: string
  readonly message: string
  readonly why: string | undefined
  readonly next: string | undefined
}

/** Says on stderr what happened, why, and what to do; the exit code. */
export function report(error: unknown, { json }: { readonly json: boolean }): ExitCode {
  const failure = failureOf(error)
  if (json) process.stderr.write(`${toJson({ error: failure })}\n`)
  else process.stderr.write(failureText(failure))
  return isMillraceError(error) ? (EXIT_BY_CODE[error.code] ?? EXIT.finding) : EXIT.finding
}

function failureOf(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error)
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : undefined
  if (!isMillraceError(error)) return { code: 'FAILED', message, why: cause, next: undefined }
  const isSaid = cause === undefined || cause === '' || message.includes(cause)
  return {
    code: error.code,
    message,
    why: isSaid ? ERROR_CODES[error.code] : cause,
    next: remedyOf(error.details.remedy, message) ?? NEXT_BY_CODE[error.code],
  }
}

/** Most messages end in their remedy, which is then not repeated. */
function remedyOf(remedy: string | undefined, message: string): string | undefined {
  return remedy === undefined || message.includes(remedy) ? undefined : remedy
}

function failureText({ code, message, why, next }: Failure): string {
  const lines = [`error ${code}: ${message}`]
  if (why !== undefined) lines.push(`  why: ${why}`)
  if (next !== undefined) lines.push(`  do:  ${next}`)
  return lines.map((line) => `${line.startsWith('  ') ? '  ' : ''}${safe(line).trim()}\n`).join('')
}
