import type { FailureReason, JobError } from './job.ts'

const MAX_MESSAGE = 2000
const MAX_STACK = 8000
const MAX_NAME = 255
const MAX_CAUSES = 5

export interface RecordOptions {
  readonly reason: FailureReason
  /** The attempt that failed, counted from 1. */
  readonly attempt: number
  readonly workerId: string
  readonly now: Date
}

/**
 * What is stored of anything a handler throws, an `Error` or not. Messages are cut to 2,000 characters, stacks to 8,000,
 * cause chains to 5; NUL and lone surrogates, which PostgreSQL cannot store, become U+FFFD. Never throws: not for
 * throwing getters, proxies, or causes that lead back to themselves. What `fatal` wrapped is recorded as itself.
 */
export function recordError(thrown: unknown, options: RecordOptions): JobError {
  const error = unwrapFatal(thrown)
  const { name, message, stack } = recordOne(error)
  const code = codeOf(error)
  const cause = causesOf(error)
  return {
    message,
    timestamp: options.now.toISOString(),
    ...(name !== undefined && { name }),
    ...(code !== undefined && { code }),
    ...(stack !== undefined && { stack }),
    ...(cause.length > 0 && { cause }),
    reason: options.reason,
    attempt: options.attempt,
    workerId: options.workerId,
  }
}

/**
 * `thrown` itself if it is an `Error` whose texts can be read, else an `Error` that tells what was thrown, with it as
 * `cause`. Never throws.
 */
export function toError(thrown: unknown): Error {
  try {
    if (thrown instanceof Error && typeof thrown.message === 'string' && typeof thrown.name === 'string') {
      void thrown.stack
      return thrown
    }
  } catch {
    // It cannot be read; what follows reads it with care.
  }
  return new Error(messageOf(thrown), { cause: thrown })
}

/**
 * `text` as PostgreSQL can store it: NUL and lone surrogates become U+FFFD, and what is longer than `max` UTF-16 units
 * ends in `…`.
 */
export function storableText(text: string, max: number): string {
  const cut = text.length > max ? `${text.slice(0, max - 1)}…` : text
  return cut.replace(/\0|\p{Surrogate}/gu, '\ufffd')
}

interface OneError {
  readonly name?: string
  readonly message: string
  readonly stack?: string
}

function recordOne(error: unknown): OneError {
  const name = textProperty(error, 'name')
  const stack = textProperty(error, 'stack')
  return {
    ...(name !== undefined && { name: storableText(name, MAX_NAME) }),
    message: storableText(messageOf(error), MAX_MESSAGE),
    ...(stack !== undefined && { stack: storableText(stack, MAX_STACK) }),
  }
}

function unwrapFatal(thrown: unknown): unknown {
  if (property(thrown, Symbol.for('millrace.fatal')) !== true) return thrown
  return property(thrown, 'cause') ?? thrown
}

function causesOf(error: unknown): readonly OneError[] {
  const seen = [error]
  const causes: OneError[] = []
  let cause = property(error, 'cause')
  while (cause !== undefined && cause !== null && causes.length < MAX_CAUSES && !seen.includes(cause)) {
    causes.push(recordOne(cause))
    seen.push(cause)
    cause = property(cause, 'cause')
  }
  return causes
}

function codeOf(error: unknown): string | undefined {
  const code = property(error, 'code')
  if (typeof code === 'number') return String(code)
  return typeof code === 'string' && code !== '' ? storableText(code, MAX_NAME) : undefined
}

function messageOf(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null) return typeof thrown === 'function' ? 'a function' : String(thrown)
  const message = textProperty(thrown, 'message')
  if (message !== undefined) return message
  return messageOfMany(thrown) ?? asJson(thrown)
}

/** An `AggregateError` often has no message of its own, as when Node could connect to none of a host's addresses. */
function messageOfMany(thrown: object): string | undefined {
  const errors = property(thrown, 'errors')
  if (!Array.isArray(errors) || errors.length === 0) return textProperty(thrown, 'name')
  return errors
    .slice(0, MAX_CAUSES)
    .map((error: unknown) => textProperty(error, 'message') ?? 'unknown error')
    .join('; ')
}

function asJson(thrown: object): string {
  try {
    return JSON.stringify(thrown) ?? 'an object'
  } catch {
    return 'an object that cannot be read'
  }
}

function textProperty(value: unknown, name: string): string | undefined {
  const text = property(value, name)
  return typeof text === 'string' && text !== '' ? text : undefined
}

function property(value: unknown, name: string | symbol): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  try {
    return Reflect.get(value, name)
  } catch {
    return undefined
  }
}
