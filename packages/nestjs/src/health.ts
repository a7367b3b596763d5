import type { ModuleRef } from '@nestjs/core'
import type { JobQueue, QueueStats } from 'millrace'
import { getRunnerToken } from './tokens.ts'

/** What `@nestjs/terminus` expects of an indicator; also fit for an endpoint of one's own. */
export type MillraceHealth<Key extends string = string> = Record<
  Key,
  { readonly status: 'up' | 'down' } & Readonly<Record<string, unknown>>
>

/** What counts as healthy. */
export interface HealthOptions {
  /** The `name` of the module. Default `'default'`. */
  readonly instance?: string | undefined
  /** Down once a ready job has waited for so long, in milliseconds. Default: no limit. */
  readonly maxReadyMs?: number | undefined
  /** Down while fewer workers than this are alive, over all processes. Default: not asked. */
  readonly minWorkers?: number | undefined
}

/**
 * Whether jobs are being worked: `HealthCheckService.check([() => millrace.isHealthy('jobs')])` of `@nestjs/terminus`. It is up while
 * the database answers and, in a process that is to run jobs, its worker runs.
 */
export class MillraceHealthIndicator {
  readonly #moduleRef: ModuleRef

  constructor(moduleRef: ModuleRef) {
    this.#moduleRef = moduleRef
  }

  isHealthy<Key extends string = 'jobs'>(key: Key, options: HealthOptions = {}): Promise<MillraceHealth<Key>> {
    return healthOf(key, this.#moduleRef.get<Running>(getRunnerToken(options.instance), { strict: false }), options)
  }
}

/** A queue, and whether its jobs are run here. */
export interface Running {
  readonly queue: Pick<JobQueue, 'getStats'>
  readonly isRunning: boolean
  /** Whether they are meant to be. */
  readonly isExpectedToRun: boolean
}

export async function healthOf<Key extends string>(
  key: Key,
  running: Running,
  options: Omit<HealthOptions, 'instance'>,
): Promise<MillraceHealth<Key>> {
  let stats: QueueStats
  try {
    stats = await running.queue.getStats()
  } catch (error) {
    return result(key, { status: 'down', message: error instanceof Error ? error.message : String(error) })
  }
  const { ready, oldestReadyMs, workers, byStatus } = stats
  const facts = { isRunning: running.isRunning, workers, ready, oldestReadyMs, processing: byStatus.processing }
  const message = complaint(running, stats, options)
  return result(key, message === undefined ? { status: 'up', ...facts } : { status: 'down', message, ...facts })
}

function complaint(
  running: Running,
  stats: QueueStats,
  { maxReadyMs, minWorkers }: Omit<HealthOptions, 'instance'>,
): string | undefined {
  if (running.isExpectedToRun && !running.isRunning) return 'the worker of this process has stopped'
  if (minWorkers !== undefined && stats.workers < minWorkers)
    return `${stats.workers} of at least ${minWorkers} workers are alive`
  if (maxReadyMs !== undefined && (stats.oldestReadyMs ?? 0) > maxReadyMs)
    return `a job has been ready for ${stats.oldestReadyMs} ms, which is more than ${maxReadyMs}`
  return undefined
}

function result<Key extends string>(key: Key, value: MillraceHealth[string]): MillraceHealth<Key> {
  return { [key]: value } as MillraceHealth<Key>
}
