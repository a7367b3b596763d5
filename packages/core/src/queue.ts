import type { JobDefinition, PayloadMapOf } from './model/define-jobs.ts'
import { DEFAULTS } from './model/options.ts'
import { DEFAULT_TRANSACTION_MS } from './model/transaction.ts'
import type { JobQueue } from './queue-api.ts'
import { auditMethods } from './queue-audit.ts'
import { addMethods, editMethods, endMethods } from './queue-changes.ts'
import { type JobQueueConfig, resolveConfig } from './queue-config.ts'
import { createQueueCore, type QueueCore } from './queue-core.ts'
import { flowMethods } from './queue-flows.ts'
import { logMethods } from './queue-logs.ts'
import { metricsMethods } from './queue-metrics.ts'
import { pauseMethods } from './queue-pauses.ts'
import { readMethods } from './queue-reads.ts'
import { scheduleMethods } from './queue-schedules.ts'
import { surveyMethods } from './queue-survey.ts'
import { transferMethods } from './queue-transfer.ts'
import { waitMethods } from './queue-waits.ts'
import { upkeepMethods, workMethods } from './queue-work.ts'

// The first overload has two type parameters, so that `typeof initJobQueue<PayloadMap>` with one means the other overload.
/**
 * Makes a queue. No I/O: the first call opens the database and brings its schema up to date; `await queue.ready()` forces
 * it. Where neither a database nor a backend is named: `DATABASE_URL`, else the embedded database under `./.millrace`.
 *
 * Its methods can be taken off it and called alone.
 *
 * @throws MillraceError `CONFIG_INVALID` or `OPTION_INVALID` naming the field
 */
export function initJobQueue<const Jobs extends Readonly<Record<string, JobDefinition>>, _One extends Jobs>(
  config: JobQueueConfig & { readonly jobs: Jobs },
): JobQueue<PayloadMapOf<Jobs>>
export function initJobQueue<PayloadMap = Record<string, unknown>>(config?: JobQueueConfig): JobQueue<PayloadMap>
export function initJobQueue(config?: JobQueueConfig): JobQueue {
  const core = createQueueCore(resolveConfig(config, process.env))
  const queue: JobQueue = {
    ...addMethods(core),
    ...flowMethods(core),
    ...readMethods(core),
    ...surveyMethods(core),
    ...editMethods(core),
    ...endMethods(core),
    ...upkeepMethods(core),
    ...workMethods(core),
    ...eventMethods(core),
    ...lifeMethods(core),
    ...scheduleMethods(core),
    ...waitMethods(core),
    ...pauseMethods(core),
    ...transferMethods(core),
    ...logMethods(core),
    ...metricsMethods(core),
    ...auditMethods(core, () => queue),
  }
  return queue
}

function eventMethods({
  events,
  hooks,
}: QueueCore): Pick<JobQueue, 'on' | 'once' | 'off' | 'removeAllListeners' | 'hooks'> {
  return {
    on: (event, listener) => events.on(event, listener),
    once: (event, listener) => events.once(event, listener),
    off: (event, listener) => events.off(event, listener),
    removeAllListeners: (event) => events.removeAllListeners(event),
    hooks,
  }
}

type Life = Pick<
  JobQueue,
  'ready' | 'migrate' | 'transaction' | 'getPool' | 'getRedisClient' | 'close' | typeof Symbol.asyncDispose
>

function lifeMethods(core: QueueCore): Life {
  const { connection, enqueuer, processors, supervisors, store } = core
  let closing: Promise<void> | undefined
  const closeAll = async (drainMs: number): Promise<void> => {
    await Promise.all([...processors, ...supervisors].map((running) => running.stopAndDrain(drainMs)))
    await enqueuer.close()
    await connection.close()
  }
  const close: JobQueue['close'] = ({ drainMs = DEFAULTS.processor.drainMs } = {}) => {
    closing ??= closeAll(drainMs)
    return closing
  }
  return {
    ready: async () => void (await store()),
    migrate: () => connection.migrate(),
    transaction: (fn, { timeoutMs = DEFAULT_TRANSACTION_MS } = {}) => connection.transaction(fn, { timeoutMs }),
    // The type that callers of a `pg.Pool` expect, of a pool that is one.
    getPool: () => connection.getPool() as never,
    getRedisClient: () => connection.getRedisClient() as never,
    close,
    [Symbol.asyncDispose]: () => close(),
  }
}
