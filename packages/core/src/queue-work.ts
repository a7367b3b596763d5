import { prepareJobs } from './enqueue/prepare.ts'
import { withTrace } from './observe/tracer.ts'
import { checkInteger, checkNumber, checkOptions, refuseOption } from './model/check.ts'
import { handlersOf } from './model/define-jobs.ts'
import { DEFAULTS } from './model/options.ts'
import { logToConsole } from './observe/console-log.ts'
import { createProcessor } from './processor/processor.ts'
import { FINISHED_STATUSES, type FinishedStatus } from './model/job.ts'
import type { JobQueue } from './queue-api.ts'
import type { QueueCore } from './queue-core.ts'
import type { ChildSettings } from './run/children.ts'
import type { Store } from './store/store.ts'
import { createSupervisor } from './supervisor/supervisor.ts'

/** The methods that make what runs on its own. */
export function workMethods(core: QueueCore): Pick<JobQueue, 'createProcessor' | 'createSupervisor'> {
  const { config, clock, events, hooks, store, definitions, connection } = core
  const subscribeVerbose = (): (() => void) => (config.verbose ? () => undefined : logToConsole(hooks))
  return {
    createProcessor(handlers, options = {}) {
      const given = handlers ?? (definitions === undefined ? undefined : handlersOf(definitions))
      if (given === undefined)
        refuseOption('handlers', handlers, 'an object of handlers by job type', 'Pass it, or define `jobs`')
      return createProcessor(given, options, {
        store,
        clock,
        events,
        hooks,
        definitions,
        leaseMs: config.leaseMs,
        keepCompleted: config.keepCompleted,
        workflow: {
          transact: connection.transaction,
          scopes: core.scopes,
          maxBytes: config.maxPayloadBytes,
          children: childSettings(core),
        },
        listen: () => void connection.listen(),
        fireSchedules: () => core.firer.fire(),
        onActive: (active, isActive) => {
          if (isActive) core.declared.start()
          if (isActive) core.processors.add(active)
          else core.processors.delete(active)
        },
        subscribeVerbose,
      })
    },
    createSupervisor(options = {}) {
      return createSupervisor(options, {
        store,
        clock,
        events,
        hooks,
        onActive: (active, isActive) => {
          if (isActive) core.declared.start()
          if (isActive) core.supervisors.add(active)
          else core.supervisors.delete(active)
        },
        subscribeVerbose,
        firer: core.firer,
        hasFiringProcessor: () => [...core.processors].some((processor) => processor.isFiring()),
      })
    },
  }
}

function childSettings({ enqueuer, contextOf, hooks }: QueueCore): ChildSettings {
  return {
    prepare: (jobs) => {
      const prepared = prepareJobs(jobs, contextOf)
      const trace = hooks.tracer?.current() ?? null
      if (trace === null) return prepared
      return prepared instanceof Promise ? prepared.then((all) => withTrace(all, trace)) : withTrace(prepared, trace)
    },
    add: (jobs, db) => (db === undefined ? enqueuer.addMany(jobs) : enqueuer.addWith(db, jobs)),
  }
}

type Upkeep = Pick<JobQueue, 'reclaimStuckJobs' | 'cleanupOldJobs' | 'cleanupOldJobEvents'>

/** The methods that maintain. */
export function upkeepMethods({ store, hooks, clock }: QueueCore): Upkeep {
  const run = async (task: string, work: (opened: Store) => Promise<number>): Promise<number> => {
    const opened = await store()
    const startedAt = clock.now()
    const count = await work(opened)
    if (hooks.isActive) hooks.emit({ type: 'maintenance', task, count, durationMs: clock.now() - startedAt })
    return count
  }
  return {
    async reclaimStuckJobs(minutes = DEFAULTS.reclaimMinutes) {
      checkNumber('minutes', minutes, { min: 0, max: 525_600, remedy: 'Leave it out for 10' })
      return run('reclaimStuckJobs', (opened) => opened.reclaimStuck({ minutes }))
    },
    async cleanupOldJobs(days = DEFAULTS.daysToKeep, batch = DEFAULT_BATCH, options = {}) {
      checkRetention(days, batch)
      const statuses = statusesOf(options)
      return run('cleanupOldJobs', async (opened) => {
        let count = 0
        for (const status of statuses) count += await opened.cleanupJobs({ daysToKeep: days, batch, status })
        return count
      })
    },
    async cleanupOldJobEvents(days = DEFAULTS.daysToKeep, batch = DEFAULT_BATCH) {
      checkRetention(days, batch)
      return run('cleanupOldJobEvents', (opened) => opened.cleanupEvents({ daysToKeep: days, batch }))
    },
  }
}

const DEFAULT_BATCH = 1000

/** What `cleanupOldJobs` takes besides an age and a batch. */
export interface CleanupJobsOptions {
  /** Which jobs go, by how they ended. Default `['completed']`. */
  readonly statuses?: readonly FinishedStatus[] | undefined
}

const CLEANUP_NAMES: ReadonlySet<string> = new Set<keyof CleanupJobsOptions>(['statuses'])

function statusesOf(options: CleanupJobsOptions): ReadonlySet<FinishedStatus> {
  checkOptions('options', options, CLEANUP_NAMES, "{ statuses: ['failed'] }")
  const { statuses = ['completed'] } = options
  if (
    !Array.isArray(statuses) ||
    statuses.length === 0 ||
    !statuses.every((status) => FINISHED_STATUSES.includes(status))
  )
    refuseOption('statuses', statuses, `a list of ${FINISHED_STATUSES.join(', ')}`, "Leave it out for ['completed']")
  return new Set(statuses)
}

function checkRetention(days: number, batch: number): void {
  checkNumber('days', days, { min: 0, max: 36_500, remedy: 'Leave it out for 30' })
  checkInteger('batchSize', batch, { min: 1, max: 100_000, remedy: 'Leave it out for 1000' })
}
