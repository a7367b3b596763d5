import { checkBoolean, checkInteger, checkNames, checkNumber } from '../model/check.ts'
import type { Clock, Timer } from '../model/clock.ts'
import type { FinishedStatus } from '../model/job.ts'
import { toError } from '../model/error-record.ts'
import { type MaintenanceTask, runTask } from '../maintain/task.ts'
import type { ScheduleFirer } from '../maintain/schedule-firer.ts'
import { ScheduleLoop } from '../maintain/schedule-loop.ts'
import type { QueueEvents } from '../observe/events.ts'
import type { Hooks } from '../observe/hooks.ts'
import type { Store } from '../store/store.ts'

/** What `createSupervisor` takes. */
export interface SupervisorOptions {
  /** Between two runs in the background, in milliseconds. Default 60,000. */
  readonly intervalMs?: number | undefined
  /** Default 10. A live worker's job is never taken, however long it runs. */
  readonly stuckJobsTimeoutMinutes?: number | undefined
  /** Completed jobs older than this are deleted. Default 30; 0 keeps them. */
  readonly cleanupJobsDaysToKeep?: number | undefined
  /** Jobs that failed for good longer ago than this are deleted, unless another waits for them. Default 0, which keeps them. */
  readonly cleanupFailedJobsDaysToKeep?: number | undefined
  /** Jobs that were cancelled longer ago than this are deleted, unless another waits for them. Default 0, which keeps them. */
  readonly cleanupCancelledJobsDaysToKeep?: number | undefined
  /** The recorded trail of finished jobs older than this is dropped. Default 30; 0 keeps it. */
  readonly cleanupEventsDaysToKeep?: number | undefined
  /** Rows deleted at a time. Default 1000. */
  readonly cleanupBatchSize?: number | undefined
  /** Default `true`. */
  readonly reclaimStuckJobs?: boolean | undefined
  /** Default `true`. */
  readonly expireTimedOutTokens?: boolean | undefined
  /** Whether it adds the jobs of due schedules, on time and not every `intervalMs`. Default `true`. */
  readonly fireSchedules?: boolean | undefined
  /** Default: `console.error`. */
  readonly onError?: ((error: Error) => void) | undefined
  /** Logs each task to the console. Default `false`. */
  readonly verbose?: boolean | undefined
}

/** What one round of a supervisor did. */
export interface SupervisorRunResult {
  readonly reclaimedJobs: number
  /** Whatever they ended as. */
  readonly cleanedUpJobs: number
  readonly cleanedUpEvents: number
  readonly expiredTokens: number
}

/** Housekeeping on an interval. Any number of processes may run one: each task is safe to run everywhere at once. */
export interface Supervisor {
  /** Runs every task once. One that fails does not stop the others; its count is then 0. */
  start(): Promise<SupervisorRunResult>
  /**
   * Runs at once and then every `intervalMs`; clean-ups that have much to read rest for fifty times as long as they took. A second
   * call does nothing.
   */
  startInBackground(): void
  stop(): void
  /** Stops and waits for the run under way, at most `timeoutMs` (default 30,000). */
  stopAndDrain(timeoutMs?: number): Promise<void>
  isRunning(): boolean
  [Symbol.asyncDispose](): Promise<void>
}

export interface SupervisorDependencies {
  readonly store: () => Promise<Store>
  readonly clock: Clock
  readonly events: QueueEvents
  readonly hooks: Hooks
  /** Told when it begins and when it ceases to do anything. */
  readonly onActive: (supervisor: Supervisor, isActive: boolean) => void
  readonly subscribeVerbose: () => () => void
  readonly firer: ScheduleFirer
  /** Whether a processor of this process fires schedules already. */
  readonly hasFiringProcessor: () => boolean
}

const DEFAULTS = {
  intervalMs: 60_000,
  stuckJobsTimeoutMinutes: 10,
  cleanupJobsDaysToKeep: 30,
  cleanupFailedJobsDaysToKeep: 0,
  cleanupCancelledJobsDaysToKeep: 0,
  cleanupEventsDaysToKeep: 30,
  cleanupBatchSize: 1000,
  reclaimStuckJobs: true,
  expireTimedOutTokens: true,
  fireSchedules: true,
} as const

const DAYS = [
  'cleanupJobsDaysToKeep',
  'cleanupFailedJobsDaysToKeep',
  'cleanupCancelledJobsDaysToKeep',
  'cleanupEventsDaysToKeep',
] as const

/** A clean-up may read much to find that little is due: in the background it takes no more than this part of the time. */
const CLEANUP_SHARE = 0.02

const DRAIN_MS = 30_000

const OPTION_NAMES: ReadonlySet<string> = new Set([...Object.keys(DEFAULTS), 'onError', 'verbose'])

/** @throws MillraceError `OPTION_INVALID` */
export function createSupervisor(options: SupervisorOptions, deps: SupervisorDependencies): Supervisor {
  checkNames({ ...options }, OPTION_NAMES)
  const settings = { ...DEFAULTS, ...withoutUndefined(options) }
  checkInteger('intervalMs', settings.intervalMs, { min: 100, max: 86_400_000, remedy: 'Leave it out for 60000' })
  checkNumber('stuckJobsTimeoutMinutes', settings.stuckJobsTimeoutMinutes, {
    min: 0,
    max: 525_600,
    remedy: 'Leave it out for 10',
  })
  for (const name of DAYS) {
    checkNumber(name, settings[name], {
      min: 0,
      max: 36_500,
      remedy: `Leave it out for ${DEFAULTS[name]}, or 0 to keep everything`,
    })
  }
  checkInteger('cleanupBatchSize', settings.cleanupBatchSize, { min: 1, max: 100_000, remedy: 'Leave it out for 1000' })
  checkBoolean('reclaimStuckJobs', settings.reclaimStuckJobs)
  checkBoolean('expireTimedOutTokens', settings.expireTimedOutTokens)
  checkBoolean('fireSchedules', settings.fireSchedules)
  return new BackgroundSupervisor(settings, options.onError ?? printError, deps)
}

type Settings = { readonly [K in keyof typeof DEFAULTS]: (typeof DEFAULTS)[K] extends boolean ? boolean : number } & {
  readonly verbose?: boolean | undefined
}

interface Round {
  /** Whether somebody waits for it: then nothing rests. */
  readonly isAsked: boolean
}

class BackgroundSupervisor implements Supervisor {
  readonly #settings: Settings
  readonly #onError: (error: Error) => void
  readonly #deps: SupervisorDependencies
  /** New at every start, so that a run which outlasts a stop does not go on beside its successor. */
  #background: object | undefined
  #timer: Timer | undefined
  #current: Promise<unknown> | undefined
  /** By clean-up, until when it rests. */
  readonly #rests = new Map<string, number>()
  readonly #schedules: ScheduleLoop

  constructor(settings: Settings, onError: (error: Error) => void, deps: SupervisorDependencies) {
    this.#settings = settings
    this.#onError = onError
    this.#deps = deps
    this.#schedules = new ScheduleLoop({
      firer: deps.firer,
      clock: deps.clock,
      isCovered: deps.hasFiringProcessor,
      onError: (error) => this.#failed(error),
    })
  }

  start(): Promise<SupervisorRunResult> {
    return this.#begin({ isAsked: true })
  }

  #begin(how: Round): Promise<SupervisorRunResult> {
    const run = this.#run(how).finally(() => {
      if (this.#current === run) this.#current = undefined
      this.#activityChanged()
    })
    this.#current = run
    this.#activityChanged()
    return run
  }

  startInBackground(): void {
    if (this.#background !== undefined) return
    this.#background = {}
    this.#activityChanged()
    if (this.#settings.fireSchedules) this.#schedules.start()
    void this.#loop(this.#background)
  }

  stop(): void {
    this.#background = undefined
    this.#timer?.cancel()
    void this.#schedules.stop()
    this.#activityChanged()
  }

  #activityChanged(): void {
    this.#deps.onActive(this, this.#background !== undefined || this.#current !== undefined)
  }

  async stopAndDrain(timeoutMs: number = DRAIN_MS): Promise<void> {
    this.stop()
    await this.#endsWithin(Promise.allSettled([this.#current, this.#schedules.stop()]), timeoutMs)
  }

  #endsWithin(work: Promise<unknown>, timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#deps.clock.after(timeoutMs, resolve)
      void work.finally(() => {
        timer.cancel()
        resolve()
      })
    })
  }

  isRunning(): boolean {
    return this.#background !== undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopAndDrain()
  }

  async #loop(background: object): Promise<void> {
    await this.#begin({ isAsked: false })
    if (this.#background !== background) return
    this.#timer = this.#deps.clock.after(this.#settings.intervalMs, () => void this.#loop(background))
  }

  async #run({ isAsked }: Round): Promise<SupervisorRunResult> {
    const settings = this.#settings
    const unsubscribe = settings.verbose ? this.#deps.subscribeVerbose() : undefined
    const { cleanupBatchSize: batch, cleanupEventsDaysToKeep: eventDays } = settings
    const run = (task: MaintenanceTask): Promise<number> => this.#runTask(task)
    const cleanUp = (what: string, task: MaintenanceTask): Promise<number> =>
      !isAsked && this.#isResting(what) ? Promise.resolve(0) : this.#cleanUp(what, task)
    try {
      const reclaimedJobs = settings.reclaimStuckJobs
        ? await run({
            name: 'reclaimStuckJobs',
            work: (store) => store.reclaimStuck({ minutes: settings.stuckJobsTimeoutMinutes }),
          })
        : 0
      let cleanedUpJobs = 0
      for (const [status, daysToKeep] of keptDays(settings)) {
        if (daysToKeep === 0) continue
        const work: MaintenanceTask['work'] = (store) => store.cleanupJobs({ daysToKeep, batch, status })
        cleanedUpJobs += await cleanUp(status, { name: 'cleanupOldJobs', work })
      }
      const cleanedUpEvents =
        eventDays > 0
          ? await cleanUp('events', {
              name: 'cleanupOldJobEvents',
              work: (store) => store.cleanupEvents({ daysToKeep: eventDays, batch }),
            })
          : 0
      if (settings.fireSchedules) {
        await run({ name: 'enqueueDueCronJobs', work: async () => (await this.#deps.firer.fire()).count })
      }
      const expiredTokens = settings.expireTimedOutTokens
        ? await run({ name: 'expireTimedOutTokens', work: (store) => store.expireTokens() })
        : 0
      await run({ name: 'upkeep', work: (store) => store.upkeep().then(() => 0) })
      return { reclaimedJobs, cleanedUpJobs, cleanedUpEvents, expiredTokens }
    } finally {
      unsubscribe?.()
    }
  }

  #isResting(what: string): boolean {
    return this.#deps.clock.now() < (this.#rests.get(what) ?? 0)
  }

  async #cleanUp(what: string, task: MaintenanceTask): Promise<number> {
    const { clock } = this.#deps
    const startedAt = clock.now()
    const count = await this.#runTask(task)
    const endedAt = clock.now()
    this.#rests.set(what, endedAt + (endedAt - startedAt) / CLEANUP_SHARE)
    return count
  }

  async #runTask(task: MaintenanceTask): Promise<number> {
    const { clock, hooks, store } = this.#deps
    return runTask(task, {
      clock,
      hooks,
      store,
      onError: (thrown) => this.#failed(thrown),
    })
  }

  #failed(thrown: unknown): void {
    const { events } = this.#deps
    const error = toError(thrown)
    try {
      this.#onError(error)
    } catch (second) {
      events.emit('error', toError(second))
    }
    events.emit('error', error)
  }
}

function keptDays(settings: Settings): readonly (readonly [FinishedStatus, number])[] {
  return [
    ['completed', settings.cleanupJobsDaysToKeep],
    ['failed', settings.cleanupFailedJobsDaysToKeep],
    ['cancelled', settings.cleanupCancelledJobsDaysToKeep],
  ]
}

function withoutUndefined<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}

function printError(error: Error): void {
  // oxlint-disable-next-line no-console -- the documented default of `onError`
  console.error(error)
}
