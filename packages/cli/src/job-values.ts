import { readFileSync } from 'node:fs'
import { text as consume } from 'node:stream/consumers'
import { MillraceError } from 'millrace'

/** What an argument for a payload means: JSON, `-` for standard input, `@file`. @throws MillraceError `OPTION_INVALID` */
export async function payloadOf(argument: string): Promise<unknown> {
  const text = await textOf(argument)
  try {
    return JSON.parse(text)
  } catch (error) {
    throw refused('payload', `The payload is not JSON. In a shell it needs quotes: '{"to":"a@example.com"}'.`, error)
  }
}

async function textOf(argument: string): Promise<string> {
  if (argument === '-') {
    if (process.stdin.isTTY) process.stderr.write('The payload, as JSON; Ctrl+D ends it:\n')
    return consume(process.stdin)
  }
  if (!argument.startsWith('@')) return argument
  try {
    return readFileSync(argument.slice(1), 'utf8')
  } catch (error) {
    throw refused('payload', `The payload file ${argument.slice(1)} cannot be read.`, error)
  }
}

export interface DueOptions {
  readonly in?: number
  readonly at?: Date
}

/** When `--in` or `--at` say; `undefined` for neither. @throws MillraceError `OPTION_INVALID` for both. */
export function dueOf({ in: delayMs, at }: DueOptions): Date | undefined {
  if (delayMs !== undefined && at !== undefined) throw refused('--in', 'Either --in or --at says when, not both.')
  return delayMs === undefined ? at : new Date(Date.now() + delayMs)
}

export function refused(field: string, message: string, cause?: unknown): MillraceError {
  return new MillraceError('OPTION_INVALID', message, { details: { field }, cause })
}
