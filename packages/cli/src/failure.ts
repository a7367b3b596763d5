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

/** Their messages name what is wrong with what; what the code means in general adds nothing. */
const SELF_EXPLAINING: ReadonlySet<string> = new Set<MillraceErrorCode>([
  'CONFIG_INVALID',
  'OPTION_INVALID',
  'JOB_NOT_FOUND',
])

const NEXT_BY_CODE: { readonly [C in MillraceErrorCode]?: string } = {
  JOB_NOT_FOUND: 'millrace ls',
  SCHEMA_MISSING: 'millrace migrate, with the same options',
  SCHEMA_OUTDATED: 'millrace migrate, with the same options',
  SCHEMA_TOO_NEW: 'npm install millrace@latest @millrace/cli@latest',
  STORE_UNAVAILABLE:
    'check that the database runs, and what --database, --redis, DATABASE_URL or REDIS_URL names; then: millrace doctor',
  STORE_TIMEOUT: 'millrace doctor',
  STORE_FAILED: 'millrace doctor',
  REDIS_MISSING: 'npm install @millrace/redis',
  EMBEDDED_MISSING: 'npm install @millrace/pglite, or name a database with --database',
}

export interface Failure {
  readonly code: string
  readonly message: string
  readonly why: string | undefined
  readonly next: string | undefined
}

/**
 * What a database said when it refused: by SQLSTATE, or its first two characters. The exit code where it is another than that of the
 * error, and what to do.
 */
const REFUSALS: Readonly<Record<string, { readonly exit?: ExitCode; readonly next: string }>> = {
  '28': { exit: EXIT.unreachable, next: 'check the user and the password in --database or DATABASE_URL' },
  '3D000': { exit: EXIT.unreachable, next: 'check the name of the database in --database or DATABASE_URL' },
  '42501': {
    next: 'as the owner of the schema: millrace grants --role ROLE | psql; only the owner can migrate. What is missing: millrace doctor',
  },
}

export interface ReportOptions {
  readonly json: boolean
  /** The command whose help tells what can be used; for what cannot. */
  readonly help?: string
}

/** Says on stderr what happened, why, and what to do; the exit code. */
export function report(error: unknown, { json, help }: ReportOptions): ExitCode {
  const refusal = refusalOf(error)
  const byCode = isMillraceError(error) ? EXIT_BY_CODE[error.code] : undefined
  const exit = refusal?.exit ?? byCode ?? EXIT.finding
  const failure = failureOf(error)
  const next = refusal?.next ?? failure.next ?? (exit === EXIT.usage ? help : undefined)
  printFailure({ ...failure, next }, { json })
  return exit
}

function refusalOf(error: unknown): (typeof REFUSALS)[string] | undefined {
  const code = isMillraceError(error) ? error.details.storeCode : undefined
  return code === undefined ? undefined : (REFUSALS[code] ?? REFUSALS[code.slice(0, 2)])
}

export function printFailure(failure: Failure, { json }: { readonly json: boolean }): void {
  process.stderr.write(json ? `${toJson({ error: failure })}\n` : failureText(failure))
}

function failureOf(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error)
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : ''
  const ownWhy = message.includes(cause.split('\n')[0] ?? '') ? undefined : cause
  if (!isMillraceError(error)) return { code: 'FAILED', message, why: ownWhy, next: undefined }
  const { remedy } = error.details
  return {
    code: error.code,
    message,
    // What a code means in general adds nothing to a message that was written for the occasion.
    why: ownWhy ?? (remedy === undefined && !SELF_EXPLAINING.has(error.code) ? ERROR_CODES[error.code] : undefined),
    next: commandFor(error.code) ?? remedyOf(remedy, message) ?? NEXT_BY_CODE[error.code],
  }
}

/** Where a command does what the remedy tells a program to do. */
function commandFor(code: MillraceErrorCode): string | undefined {
  return code === 'SCHEMA_MISSING' || code === 'SCHEMA_OUTDATED' ? NEXT_BY_CODE[code] : undefined
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
