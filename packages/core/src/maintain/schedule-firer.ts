import { toError } from '../model/error-record.ts'
import { dueTicks } from '../model/schedule.ts'
import type { FiredSchedules, ScheduleFire, StoredSchedule } from '../store/schedule.ts'
import type { Store } from '../store/store.ts'

/** Schedules dealt with in one statement. */
const BATCH = 200

/** When others are just firing what is due, or only a newer version can. */
const BUSY_MS = 1000

export interface FireResult {
  /** How many jobs were added. */
  readonly count: number
  /** Milliseconds until there is something to do; `null`: nothing in sight. */
  readonly nextDueMs: number | null
}

export interface ScheduleFirerOptions {
  readonly store: () => Promise<Store>
  /** Resolves once the schedules that this process declares are stored. */
  readonly declared: () => Promise<void>
  readonly onAdded: (jobs: FiredSchedules['added']) => void
  /** Told of a schedule whose ticks cannot be worked out; the others are fired. */
  readonly onError: (error: Error) => void
}

/**
 * Adds the jobs of due schedules. Any number may do so at the same time, in whatever processes: the statement that adds a
 * job moves its schedule on, and does neither when somebody else has.
 */
export class ScheduleFirer {
  readonly #options: ScheduleFirerOptions
  readonly #watchers = new Set<() => void>()
  #underway: Promise<FireResult> | undefined

  constructor(options: ScheduleFirerOptions) {
    this.#options = options
  }

  /** Fires everything that is due. Calls made meanwhile share the run. */
  fire(): Promise<FireResult> {
    this.#underway ??= this.#fire().finally(() => (this.#underway = undefined))
    return this.#underway
  }

  /** Calls `watcher` when schedules have changed, until the answer is called. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  /** Schedules have changed: the next tick may be sooner than was known. */
  changed(): void {
    for (const watcher of this.#watchers) watcher()
  }

  async #fire(): Promise<FireResult> {
    await this.#options.declared()
    const store = await this.#options.store()
    for (let count = 0; ;) {
      const { now, schedules, nextDueMs } = await store.dueSchedules({ limit: BATCH })
      const fires = schedules.flatMap((schedule) => this.#plan(schedule, now))
      if (fires.length === 0) return { count, nextDueMs: nextDueMs !== null && nextDueMs <= 0 ? BUSY_MS : nextDueMs }
      const fired = await store.fireSchedules({ fires })
      if (fired.added.length > 0) this.#options.onAdded(fired.added)
      count += fired.added.length
      if (fired.nextDueMs === null || fired.nextDueMs > 0) return { count, nextDueMs: fired.nextDueMs }
      if (fired.moved === 0) return { count, nextDueMs: BUSY_MS }
    }
  }

  #plan(schedule: StoredSchedule, now: Date): ScheduleFire[] {
    const { id, revision, nextRunAt, nextRunKey, lastTickAt } = schedule
    if (nextRunAt === null || nextRunKey === null) return []
    try {
      const due = dueTicks({ times: schedule, policy: schedule }, { at: nextRunAt, now, lastTickAt })
      return [{ id, revision, at: nextRunKey, ...due }]
    } catch (error) {
      // Such as a time zone that the process which added it knows, and this one does not.
      this.#options.onError(toError(error))
      return []
    }
  }
}
