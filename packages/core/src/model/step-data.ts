import { decodeValue } from './codec.ts'
import type { WaitTokenResult } from './handler.ts'

const WAIT_TYPES: Readonly<Record<string, string>> = { t: 'duration', w: 'token', g: 'signal', e: 'event' }

/**
 * What a job remembers, in the shape that DataQueue documents for `stepData`: steps under their names, as
 * `{ __completed: true, result }`, waits as `__wait_0` and so on, tokens that the handler made as `__token_0`.
 *
 * @param rows - `[key, kind, status, rich, timed out, awaited, result]` each, as a store wrote them.
 * @returns `undefined` when there is nothing.
 */
export function stepData(rows: unknown): Readonly<Record<string, unknown>> | undefined {
  if (!Array.isArray(rows)) return undefined
  const data: Record<string, unknown> = Object.create(null)
  for (const row of rows) {
    if (!Array.isArray(row)) continue
    const [key, kind, status, rich, timedOut, awaited, stored]: unknown[] = row
    const name = String(key).slice(2)
    const result = decodeValue(stored, rich === true ? 'rich' : 'json')
    const isDone = status === 'd'
    if (kind === 's') data[name] = isDone ? { __completed: true, result } : { __completed: false }
    else if (kind === 'k') data[`__token_${name}`] = { id: awaited }
    else data[`__wait_${name}`] = wait({ kind: String(kind), isDone, isTimedOut: timedOut === true, awaited, result })
  }
  return { ...data }
}

interface WaitRow {
  readonly kind: string
  readonly isDone: boolean
  readonly isTimedOut: boolean
  readonly awaited: unknown
  readonly result: unknown
}

function wait({ kind, isDone, isTimedOut, awaited, result }: WaitRow): Readonly<Record<string, unknown>> {
  const base = { type: WAIT_TYPES[kind] ?? kind, completed: isDone }
  if (kind === 't') return base
  const awaits = kind === 'w' ? { tokenId: awaited } : { name: String(awaited).replace(/^(signal|event):/, '') }
  return { ...base, ...awaits, ...(isDone ? { result: waitResult(base.type, isTimedOut, result) } : {}) }
}

const TIMED_OUT: Readonly<Record<string, string>> = {
  token: 'Token timed out',
  signal: 'Signal timed out',
  event: 'Event timed out',
}

/** What a wait for a token, signal or event resolves with. */
export function waitResult(kind: string, isTimedOut: boolean, output: unknown): WaitTokenResult {
  return isTimedOut ? { ok: false, error: TIMED_OUT[kind] ?? 'Timed out' } : { ok: true, output }
}
