import { type Context, propagation, ROOT_CONTEXT } from '@opentelemetry/api'

/** The most that travels with a job. */
const MAX_LENGTH = 1000
const TRACE_PARENT = 'traceparent'

/**
 * A context as text: the `traceparent` alone where there is nothing else, so that producers without a library can write it, else JSON of
 * all fields of the propagator. What is too long leaves everything but the `traceparent` behind. `null` for a context without a trace.
 */
export function writeContext(context: Context): string | null {
  const carrier: Record<string, string> = {}
  propagation.inject(context, carrier)
  const names = Object.keys(carrier)
  if (names.length === 0) return null
  const parent = carrier[TRACE_PARENT]
  if (names.length === 1 && parent !== undefined) return parent
  const all = JSON.stringify(carrier)
  return all.length <= MAX_LENGTH ? all : (parent ?? null)
}

/** The context that `writeContext` wrote; what cannot be read is none. */
export function readContext(written: string | null): Context {
  if (written === null) return ROOT_CONTEXT
  return propagation.extract(ROOT_CONTEXT, written.startsWith('{') ? carrierOf(written) : { [TRACE_PARENT]: written })
}

function carrierOf(json: string): Record<string, string> {
  try {
    const fields: unknown = JSON.parse(json)
    if (typeof fields !== 'object' || fields === null) return {}
    return Object.fromEntries(
      Object.entries(fields).filter((field): field is [string, string] => typeof field[1] === 'string'),
    )
  } catch {
    return {}
  }
}
