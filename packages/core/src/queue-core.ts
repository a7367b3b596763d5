import { AsyncLocalStorage } from 'node:async_hooks'
import { Enqueuer } from './enqueue/enqueuer.ts'
import type { PrepareContext } from './enqueue/prepare.ts'
import { type Clock, systemClock } from './model/clock.ts'
import { findDefinition, type JobDefinition } from './model/define-jobs.ts'
import { toError } from './model/error-record.ts'
import { logToConsole } from './observe/console-log.ts'
import { QueueEvents } from './observe/events.ts'
import { Hooks } from './observe/hooks.ts'
import type { BackgroundProcessor } from './processor/processor.ts'
import type { ResolvedConfig } from './queue-config.ts'
import { DeclaredSchedules } from './queue-declared-schedules.ts'
import { QueueConnection } from './queue-connection.ts'
import { ScheduleFirer } from './maintain/schedule-firer.ts'
import type { StepScopes } from './run/step-scope.ts'
import type { Store, Wake } from './store/store.ts'
import type { Supervisor } from './supervisor/supervisor.ts'

/** What the methods of one queue share. */
export interface QueueCore {
  readonly config: ResolvedConfig
  readonly clock: Clock
  readonly events: QueueEvents
  readonly hooks: Hooks
  readonly connection: QueueConnection
  readonly enqueuer: Enqueuer
  readonly definitions: Readonly<Record<string, JobDefinition>> | undefined
  /** Those that do something now. */
  readonly processors: Set<BackgroundProcessor>
  readonly supervisors: Set<Supervisor>
  readonly firer: ScheduleFirer
  readonly declared: DeclaredSchedules
  /** Tells this process of jobs that a schedule added. */
  readonly announceAdded: (jobs: readonly { readonly id: number; readonly jobType: string }[]) => void
  /** The store, open and with its schema up to date. */
  readonly store: () => Promise<Store>
  readonly contextOf: (jobType: string) => PrepareContext
  /** Tells the processors of this process, without a detour through the database. */
  readonly wake: (wake: Wake) => void
  /** Where in a handler a call of its context is made. */
  readonly scopes: StepScopes
}

/** Wires the rooms of a queue together. No I/O. */
export function createQueueCore(config: ResolvedConfig): QueueCore {
  const clock = systemClock
  const events = new QueueEvents()
  const hooks = new Hooks({ onListenerError: (thrown) => events.emit('error', toError(thrown)) })
  if (config.verbose) logToConsole(hooks)
  const connection = new QueueConnection(config, { clock, events, hooks })
  const definitions = config.given.jobs
  const processors = new Set<BackgroundProcessor>()
  const store = (): Promise<Store> => connection.free()
  // Whoever wakes a worker may be a handler: what the worker does then is not done in that handler's step or transaction.
  const detached = AsyncLocalStorage.snapshot()
  const wake = (woken: Wake): void => {
    detached(() => {
      for (const processor of processors) processor.wake(woken)
      if (woken.kind === 'schedules') core.firer.changed()
    })
  }
  connection.onWake(wake)
  const enqueuer = new Enqueuer({
    store: connection.lazyStore,
    clock,
    ready: async () => void (await connection.ready()),
    onAdded: (ids, jobs, created) => announceAdded({ events, hooks }, ids, jobs, created),
    onReady: (priorities, runAt) => {
      if (priorities.length > 0) wake({ kind: 'ready', priorities })
      if (runAt === undefined) return
      const inMs = Math.max(0, runAt.getTime() - clock.date().getTime())
      detached(() => processors.forEach((processor) => processor.dueIn(inMs)))
    },
    hasLocalWorkers: () => [...processors].some((processor) => processor.isRunning()),
    forgetsCompleted: !config.keepCompleted,
    onError: (error) => events.emit('error', error),
  })
  const contextOf = contextFrom(config)
  const announceFired: QueueCore['announceAdded'] = (jobs) => {
    const ids = jobs.map(({ id }) => id)
    announceAdded({ events, hooks }, ids, jobs, 'all')
    wake({ kind: 'ready', priorities: [] })
  }
  const declared = new DeclaredSchedules({ config, store, contextOf, clock, events, wake })
  const core: QueueCore = {
    config,
    clock,
    events,
    hooks,
    connection,
    enqueuer,
    definitions,
    processors,
    supervisors: new Set<Supervisor>(),
    firer: createFirer(store, declared, announceFired, events),
    declared,
    announceAdded: announceFired,
    store,
    contextOf,
    wake,
    scopes: new AsyncLocalStorage(),
  }
  return core
}

function createFirer(
  store: QueueCore['store'],
  declared: DeclaredSchedules,
  onAdded: QueueCore['announceAdded'],
  events: QueueEvents,
): ScheduleFirer {
  return new ScheduleFirer({
    store,
    declared: () => declared.ready(),
    onAdded,
    onError: (error) => events.emit('error', error),
  })
}

function contextFrom({ given, codec, maxPayloadBytes }: ResolvedConfig): QueueCore['contextOf'] {
  return (jobType) => ({ definition: findDefinition(given.jobs, jobType), codec, maxBytes: maxPayloadBytes })
}

function announceAdded(
  { events, hooks }: Pick<QueueCore, 'events' | 'hooks'>,
  ids: readonly number[],
  jobs: readonly { readonly jobType: string }[],
  created: 'all' | ReadonlySet<number>,
): void {
  const isHeard = events.hasListeners('job:added')
  if (!isHeard && !hooks.isActive) return
  const added = ids.flatMap((jobId, index) =>
    created === 'all' || created.has(index) ? [{ jobId, jobType: jobs[index]?.jobType ?? '' }] : [],
  )
  if (isHeard) for (const job of added) events.emit('job:added', job)
  if (hooks.isActive && added.length > 0) {
    const counts = countByType(added)
    hooks.emit({
      type: 'job.added',
      jobIds: added.map(({ jobId }) => jobId),
      jobTypes: Object.keys(counts),
      counts,
    })
  }
}

function countByType(jobs: readonly { readonly jobType: string }[]): Readonly<Record<string, number>> {
  const counts = new Map<string, number>()
  for (const { jobType } of jobs) counts.set(jobType, (counts.get(jobType) ?? 0) + 1)
  return Object.fromEntries(counts)
}
