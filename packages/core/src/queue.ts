import { Enqueuer } from './enqueue/enqueuer.ts'
import { prepareChanges, prepareJob, prepareJobs, type PrepareContext } from './enqueue/prepare.ts'
import { MillraceError } from './errors.ts'
import { checkInteger, checkNumber, refuseOption } from './model/check.ts'
import { systemClock } from './model/clock.ts'
import { findDefinition, handlersOf, type JobDefinition, type PayloadMapOf } from './model/define-jobs.ts'
import { toError } from './model/error-record.ts'
import { validateFilters } from './model/filters.ts'
import { DEFAULTS } from './model/options.ts'
import { logToConsole } from './observe/console-log.ts'
import { QueueEvents } from './observe/events.ts'
import { Hooks } from './observe/hooks.ts'
import { type BackgroundProcessor, createProcessor } from './processor/processor.ts'
import type { JobQueue, RawPool } from './queue-api.ts'
import { type CommonConfig, type JobQueueConfig, resolveConfig } from './queue-config.ts'
import { QueueConnection } from './queue-connection.ts'
import type { ChangeResult } from './store/change.ts'
import { createSupervisor, type Supervisor } from './supervisor/supervisor.ts'

/**
 * Makes a queue. No I/O: the first call opens the database and brings its schema up to date; `await queue.ready()` forces
 * it. Without a configuration: `DATABASE_URL`, else the embedded database under `./.millrace`.
 *
 * @throws MillraceError `CONFIG_INVALID` or `OPTION_INVALID` naming the field
 */
export function initJobQueue<const Jobs extends Readonly<Record<string, JobDefinition>>>(
  config: JobQueueConfig & { readonly jobs: Jobs },
): JobQueue<PayloadMapOf<Jobs>>
export function initJobQueue<PayloadMap = Record<string, unknown>>(config?: JobQueueConfig): JobQueue<PayloadMap>
export function initJobQueue(config?: JobQueueConfig): JobQueue {
  return createQueue(config)
}

function createQueue(config: JobQueueConfig | undefined): JobQueue {
  const resolved = resolveConfig(config, process.env)
  const clock = systemClock
  const events = new QueueEvents()
  const hooks = new Hooks({ onListenerError: (thrown) => events.emit('error', toError(thrown)) })
  if (resolved.verbose) logToConsole(hooks)
  const connection = new QueueConnection(resolved, { events, hooks })
  const jobs: CommonConfig['jobs'] = resolved.given.jobs
  const processors = new Set<BackgroundProcessor>()
  const supervisors = new Set<Supervisor>()
  const store = () => connection.ready()
  const enqueuer = new Enqueuer({
    store: connection.lazyStore,
    clock,
    ready: async () => void (await store()),
    onAdded: (ids, added, created) => {
      ids.forEach((jobId, index) => {
        const isNew = created === 'all' || created.has(index)
        if (isNew && events.hasListeners('job:added')) events.emit('job:added', { jobId, jobType: added[index]?.jobType ?? '' })
      })
      if (hooks.isActive) {
        const news = ids.filter((_, index) => created === 'all' || created.has(index))
        hooks.emit({ type: 'job.added', jobIds: news, jobTypes: [...new Set(added.map((job) => job.jobType))], durationMs: 0 })
      }
    },
    onReady: (priorities, runAt) => {
      const inMs = runAt === undefined ? undefined : Math.max(0, runAt.getTime() - clock.date().getTime())
      for (const processor of processors) {
        if (priorities.length > 0) processor.wake({ kind: 'ready', priorities })
        if (inMs !== undefined) processor.dueIn(inMs)
      }
    },
    onError: (error) => events.emit('error', error),
  })
  const contextOf = (jobType: string): PrepareContext => ({
    definition: findDefinition(jobs, jobType),
    codec: resolved.codec,
    maxBytes: resolved.maxPayloadBytes,
  })
  const list = async (filters: unknown, limit = DEFAULTS.list.limit as number, offset = 0): Promise<never[]> => {
    checkInteger('limit', limit, { min: 1, max: 10_000, remedy: 'Leave it out for 100' })
    checkInteger('offset', offset, { min: 0, max: Number.MAX_SAFE_INTEGER, remedy: 'Leave it out for 0' })
    const found = await (await store()).listJobs({ ...validateFilters(filters), limit, offset })
    return [...found] as never[]
  }
  const changed = (result: ChangeResult, options: { readonly result: true } | undefined): never =>
    (options?.result === true ? result : undefined) as never
  const worked = async (task: string, work: (opened: Awaited<ReturnType<typeof store>>) => Promise<number>): Promise<number> => work(await store()).then((count) => {
    if (hooks.isActive) hooks.emit({ type: 'maintenance', task, count, durationMs: 0 })
    return count
  })
  let closing: Promise<void> | undefined

  const queue: JobQueue = {
    async addJob(job, options) {
      const prepared = await prepareJob(job, contextOf(String(job?.jobType)))
      if (options?.db === undefined) return enqueuer.add(prepared)
      const [id] = await enqueuer.addWith(options.db, [prepared])
      if (id === undefined) throw new MillraceError('STORE_FAILED', 'The database answered no id for the added job.')
      return id
    },
    async addJobs(jobsToAdd, options) {
      const prepared = await prepareJobs(jobsToAdd, contextOf)
      return [...(await (options?.db === undefined ? enqueuer.addMany(prepared) : enqueuer.addWith(options.db, prepared)))]
    },
    async getJob(id) {
      return (await (await store()).getJob({ id: checkedId(id) })) as never
    },
    getJobs: (filters, limit, offset) => list(filters, limit, offset),
    getJobsByStatus: (status, limit, offset) => list({ status }, limit, offset),
    getAllJobs: (limit, offset) => list(undefined, limit, offset),
    getJobsByTags: (tags, mode, limit, offset) => list({ tags: { values: tags, mode } }, limit, offset),
    async getJobEvents(id) {
      return [...(await (await store()).listEvents({ id: checkedId(id) }))]
    },
    async getWorkers() {
      return [...(await (await store()).listWorkers())]
    },
    getStats: async () => (await store()).stats(),
    async editJob(id: number, updates: object, options?: { readonly result: true }) {
      const changes = prepareChanges(updates, contextOf(''))
      const opened = await store()
      if (Object.keys(changes).length === 0) return changed('unchanged', options)
      const result = await opened.edit({ id: checkedId(id), changes })
      if (result === 'changed') for (const processor of processors) processor.wake({ kind: 'ready', priorities: [] })
      return changed(result, options)
    },
    async editAllPendingJobs(filters, updates) {
      const filter = validateFilters(filters)
      const changes = prepareChanges(updates, contextOf(''))
      if (Object.keys(changes).length === 0) return 0
      return (await store()).editMany({ filter, changes })
    },
    async cancelJob(id: number, options?: { readonly result: true }) {
      const result = await (await store()).cancel({ id: checkedId(id) })
      if (result === 'changed') events.emit('job:cancelled', { jobId: id })
      if (result === 'requested') for (const processor of processors) processor.wake({ kind: 'cancel', jobId: id })
      return changed(result, options)
    },
    async cancelAllUpcomingJobs(filters) {
      const ids = await (await store()).cancelMany({ filter: validateFilters(filters) })
      for (const jobId of ids) events.emit('job:cancelled', { jobId })
      return ids.length
    },
    async retryJob(id: number, options?: { readonly result: true }) {
      const result = await (await store()).retry({ id: checkedId(id) })
      if (result === 'changed') {
        events.emit('job:retried', { jobId: id })
        for (const processor of processors) {
          processor.wake({ kind: 'cancel', jobId: id })
          processor.wake({ kind: 'ready', priorities: [] })
        }
      }
      return changed(result, options)
    },
    async redrive(filters, options = {}) {
      const { limit = 1000 } = options
      checkInteger('limit', limit, { min: 1, max: 100_000, remedy: 'Leave it out for 1000' })
      const ids = await (await store()).redrive({ filter: validateFilters(filters), limit })
      for (const jobId of ids) events.emit('job:retried', { jobId })
      return [...ids]
    },
    async reclaimStuckJobs(minutes = DEFAULTS.reclaimMinutes) {
      checkNumber('minutes', minutes, { min: 0, max: 525_600, remedy: 'Leave it out for 10' })
      return worked('reclaimStuckJobs', (opened) => opened.reclaimStuck({ minutes }))
    },
    async cleanupOldJobs(days = DEFAULTS.daysToKeep, batch = 1000) {
      checkRetention(days, batch)
      return worked('cleanupOldJobs', (opened) => opened.cleanupJobs({ daysToKeep: days, batch }))
    },
    async cleanupOldJobEvents(days = DEFAULTS.daysToKeep, batch = 1000) {
      checkRetention(days, batch)
      return worked('cleanupOldJobEvents', (opened) => opened.cleanupEvents({ daysToKeep: days, batch }))
    },
    createProcessor(handlers, options = {}) {
      const given = handlers ?? (jobs === undefined ? undefined : handlersOf(jobs))
      if (given === undefined) refuseOption('handlers', handlers, 'an object of handlers by job type', 'Pass it, or define `jobs`')
      const processor = createProcessor({ ...given } as never, options, {
        store,
        clock,
        events,
        hooks,
        definitions: jobs,
        leaseMs: resolved.leaseMs,
        keepCompleted: resolved.keepCompleted,
        listen: () => void connection.listen(),
        subscribeVerbose: () => (resolved.verbose ? () => undefined : logToConsole(hooks)),
      })
      processors.add(processor)
      connection.onWake((wake) => processor.wake(wake))
      return processor
    },
    createSupervisor(options = {}) {
      const supervisor = createSupervisor(options, {
        store,
        clock,
        events,
        hooks,
        subscribeVerbose: () => (resolved.verbose ? () => undefined : logToConsole(hooks)),
      })
      supervisors.add(supervisor)
      return supervisor
    },
    on: (event, listener) => events.on(event, listener),
    once: (event, listener) => events.once(event, listener),
    off: (event, listener) => events.off(event, listener),
    removeAllListeners: (event) => events.removeAllListeners(event),
    hooks,
    ready: async () => void (await store()),
    migrate: () => connection.migrate(),
    transaction: async (fn, options = {}) => (await connection.opened()).transaction(fn, { timeoutMs: options.timeoutMs ?? 5000 }),
    getPool: () => connection.getPool() as RawPool,
    getRedisClient() {
      throw new MillraceError('FEATURE_UNSUPPORTED', 'getRedisClient() is only available with the Redis backend.')
    },
    checkInvariants: async () => (await store()).checkInvariants(),
    close({ drainMs = DEFAULTS.processor.drainMs } = {}) {
      closing ??= closeAll(drainMs)
      return closing
    },
    [Symbol.asyncDispose]: () => queue.close(),
  }

  async function closeAll(drainMs: number): Promise<void> {
    await Promise.all([...processors, ...supervisors].map((running) => running.stopAndDrain(drainMs)))
    await enqueuer.close()
    await connection.close()
  }

  return queue
}

function checkedId(id: number): number {
  checkInteger('id', id, { min: 1, max: Number.MAX_SAFE_INTEGER, remedy: 'Pass the number that `addJob` resolved with' })
  return id
}

function checkRetention(days: number, batch: number): void {
  checkNumber('days', days, { min: 0, max: 36_500, remedy: 'Leave it out for 30' })
  checkInteger('batchSize', batch, { min: 1, max: 100_000, remedy: 'Leave it out for 1000' })
}
