import { type MeterProvider, metrics, trace, type TracerProvider } from '@opentelemetry/api'
import { MillraceError } from 'millrace'

/** What `instrumentQueue` takes besides the queue. */
export interface InstrumentOptions {
  /** Default: the global one. */
  readonly tracerProvider?: TracerProvider | undefined
  /** Default: the global one. */
  readonly meterProvider?: MeterProvider | undefined
  /**
   * How the span of an attempt belongs to that of the add. `'link'` begins a trace for each attempt, linked to the one it was added
   * in, as the conventions recommend; `'child'` continues that trace, which reads well where an add is followed by few jobs soon.
   * Default `'link'`.
   */
  readonly relation?: 'link' | 'child' | undefined
  /**
   * Also measures the whole queue: jobs by status, what is ready and for how long, workers. It is read when metrics are collected, at
   * most every 5 seconds and for at most a twentieth of the time, since it counts every live job. One process is enough. Default false.
   */
  readonly observeQueue?: boolean | undefined
}

/** `InstrumentOptions` with every default in place. */
export interface Settings {
  readonly tracerProvider: TracerProvider
  readonly meterProvider: MeterProvider
  readonly relation: 'link' | 'child'
  readonly observeQueue: boolean
}

const NAMES: ReadonlySet<string> = new Set<keyof InstrumentOptions>([
  'tracerProvider',
  'meterProvider',
  'relation',
  'observeQueue',
])

/** @throws MillraceError `OPTION_INVALID` */
export function checkOptions(options: InstrumentOptions): Settings {
  for (const name of Object.keys(options))
    if (!NAMES.has(name)) refuse(name, Reflect.get(options, name), `one of ${[...NAMES].join(', ')}`)
  const { relation = 'link', observeQueue = false } = options
  if (relation !== 'link' && relation !== 'child') refuse('relation', relation, "'link' or 'child'")
  if (typeof observeQueue !== 'boolean') refuse('observeQueue', observeQueue, 'true or false')
  return {
    tracerProvider: options.tracerProvider ?? trace.getTracerProvider(),
    meterProvider: options.meterProvider ?? metrics.getMeterProvider(),
    relation,
    observeQueue,
  }
}

function refuse(field: string, value: unknown, expected: string): never {
  throw new MillraceError('OPTION_INVALID', `\`${field}\` must be ${expected}, got ${String(value)}.`, {
    details: { field, value, remedy: `Pass ${expected}` },
  })
}
