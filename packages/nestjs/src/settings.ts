import { initJobQueue, MillraceError } from 'millrace'
import type { JobQueue, JobQueueConfig, Processor, ProcessorOptions } from 'millrace'

/** What the module takes beside the configuration of the queue. */
export interface MillraceSettings {
  /** Whether this process runs jobs. With `false` it only adds and reads them, as a web process does. Default `true`. */
  readonly run?: boolean | undefined
  /** How jobs are run. Jobs of types without a handler here are left to other processes unless `onUnknownType` says `'fail'`. */
  readonly processor?: ProcessorOptions | undefined
  /** How long a shutdown waits for running jobs, in milliseconds; then they are handed back. Default 30,000. */
  readonly drainMs?: number | undefined
}

/** A `JobQueue` of any payload map, by what tells one apart. */
export interface AnyJobQueue {
  ready(): Promise<void>
  createProcessor(handlers?: never, options?: ProcessorOptions): Processor
  readonly hooks: JobQueue['hooks']
}

/** A queue made elsewhere, which stays its maker's to close. */
export interface ExistingQueue {
  readonly queue: AnyJobQueue
}

/** What `MillraceModule.forRoot` takes: settings of its own, and either the configuration of `initJobQueue` or a queue. */
export type MillraceModuleOptions = MillraceSettings & (JobQueueConfig | ExistingQueue)

/** Options with the queue opened; no I/O has been done. */
export interface OpenedInstance {
  readonly queue: JobQueue
  readonly isOwn: boolean
  readonly run: boolean
  readonly drainMs: number
  readonly processor: ProcessorOptions
  /** Handlers that `jobs` of the configuration brings along. */
  readonly defined: ReadonlyMap<string, DefinedHandler>
}

/** A handler of `defineJobs`. */
export interface DefinedHandler {
  readonly handler: (payload: unknown, signal: AbortSignal, ctx: never) => unknown
  readonly version?: number
  readonly versions?: Readonly<Record<number, (payload: unknown, signal: AbortSignal, ctx: never) => unknown>>
}

const DEFAULT_DRAIN_MS = 30_000

/** @throws MillraceError `CONFIG_INVALID` or `OPTION_INVALID` */
export function openInstance(options: MillraceModuleOptions): OpenedInstance {
  const { run = true, drainMs = DEFAULT_DRAIN_MS, processor = {}, ...rest } = options
  if (typeof run !== 'boolean') throw refused('run', run, 'true or false')
  if (!(typeof drainMs === 'number' && drainMs >= 0)) throw refused('drainMs', drainMs, 'milliseconds from 0')
  const settings = { run, drainMs, processor }
  if ('queue' in rest && rest.queue !== undefined) {
    const { queue, ...others } = rest
    const extra = Object.keys(others)[0]
    if (extra !== undefined) throw refused(extra, others, 'left out beside `queue`, which has its own configuration')
    return { ...settings, queue: queue as JobQueue, isOwn: false, defined: new Map() }
  }
  const config = rest as JobQueueConfig
  const isEmpty = Object.values(config).every((value) => value === undefined)
  const defined = new Map(Object.entries('jobs' in config ? (config.jobs ?? {}) : {}))
  return { ...settings, queue: initJobQueue(isEmpty ? undefined : config), isOwn: true, defined }
}

function refused(field: string, value: unknown, expected: string): MillraceError {
  return new MillraceError('CONFIG_INVALID', `\`${field}\` of MillraceModule must be ${expected}.`, {
    details: { field, value, remedy: `Give ${expected}` },
  })
}
