import type { CatchUp, ScheduleRule } from '../model/schedule.ts'
import type { SchedulePeriod } from '../model/schedule-options.ts'
import type { NewJob } from './enqueue.ts'

/** What a schedule is, as the client writes it. */
export interface ScheduleDefinition {
  readonly rule: ScheduleRule
  /** Whose calendar `oncePer` counts by; of a cron rule also its own. */
  readonly timezone: string
  readonly startAt: Date | null
  readonly endAt: Date | null
  /** Whether a job is added while the one before is not final. Never without it when `catchUp` is `'all'`. */
  readonly allowOverlap: boolean
  readonly catchUp: CatchUp
  readonly catchUpLimit: number
  readonly graceMs: number
  /** Each job becomes due at random up to this much after its tick. */
  readonly jitterMs: number
  /** At most one job in each such period. */
  readonly oncePer: SchedulePeriod | null
  /** The job of each tick. */
  readonly job: NewJob
}

/** A schedule to be stored. */
export interface NewSchedule extends ScheduleDefinition {
  readonly name: string
  /** Names are unique for each tenant, and for those without one. */
  readonly tenantId: string | null
  readonly nextRunAt: Date | null
}

/** Why a tick got no job. */
export type ScheduleSkip = 'overlap' | 'missed' | 'period' | 'asked'

/** A schedule as it is stored. */
export interface StoredSchedule extends NewSchedule {
  readonly id: number
  readonly owner: string | null
  readonly status: 'active' | 'paused'
  /** Counts edits. */
  readonly revision: number
  /** `nextRunAt` to the last digit that the store keeps, for the comparison in `fire`. */
  readonly nextRunKey: string | null
  readonly lastTickAt: Date | null
  readonly lastEnqueuedAt: Date | null
  readonly lastJobId: number | null
  readonly lastSkippedAt: Date | null
  readonly lastSkip: ScheduleSkip | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** What is to be done about one due schedule. */
export interface ScheduleFire {
  readonly id: number
  readonly revision: number
  /** `nextRunKey` as it was read: whoever moves it first fires. */
  readonly at: string
  /** Those of the due ticks whose jobs are to be added, in order. */
  readonly ticks: readonly Date[]
  /** Whether others were due too and are left out. */
  readonly missed: boolean
  readonly next: Date | null
}

/** What came of one look at the schedules that are due. */
export interface FiredSchedules {
  readonly added: readonly { readonly id: number; readonly jobType: string }[]
  /** How many schedules this call moved on. */
  readonly moved: number
  /** Milliseconds until the next tick of any schedule, not above 0 if one is due; `null` when there is none. */
  readonly nextDueMs: number | null
}

/** One tick that has been dealt with. */
export interface ScheduleTick {
  readonly tickAt: Date
  /** `'added'` a job, `'run'` on request; else why there is none. */
  readonly outcome: 'added' | 'run' | ScheduleSkip
  readonly jobId: number | null
  readonly firedAt: Date
}

/** What `reconcileSchedules` did: the names of the schedules. */
export interface ReconciledSchedules {
  readonly added: readonly string[]
  readonly edited: readonly string[]
  readonly removed: readonly string[]
}

/** Which schedule is meant. */
export type ScheduleRef = { readonly id: number } | { readonly name: string; readonly tenantId: string | null }

/** Keeps schedules and fires those that are due, each tick once. */
export interface ScheduleStore {
  /** The store's clock, by which everything is due. */
  storeTime(): Promise<Date>
  /** Its id, or `null` when the tenant has a schedule of this name. */
  addSchedule(schedule: NewSchedule): Promise<number | null>
  getSchedule(ref: ScheduleRef): Promise<StoredSchedule | null>
  /** Oldest first. */
  listSchedules(filter: {
    readonly status?: StoredSchedule['status']
    readonly tenantId?: string
  }): Promise<readonly StoredSchedule[]>
  /** Replaces the definition unless it was edited since `revision`; without `nextRunAt` the next tick stays. */
  editSchedule(edit: {
    readonly id: number
    readonly revision: number
    readonly definition: ScheduleDefinition
    readonly nextRunAt?: Date | null
  }): Promise<boolean>
  /** Jobs that it added stay. */
  removeSchedule(options: { readonly id: number }): Promise<boolean>
  /** False when somebody edited it since `revision`, or it is paused. */
  pauseSchedule(options: { readonly id: number; readonly revision: number }): Promise<boolean>
  /** False when somebody edited it since `revision`, or it is active. */
  resumeSchedule(options: {
    readonly id: number
    readonly revision: number
    readonly nextRunAt: Date | null
  }): Promise<boolean>
  /** The active schedules whose time has come, the longest overdue first, and the time by which that was judged. */
  dueSchedules(options: {
    readonly limit: number
  }): Promise<{ readonly now: Date; readonly schedules: readonly StoredSchedule[]; readonly nextDueMs: number | null }>
  /** Adds the jobs of ticks and moves their schedules on, in one statement; each tick once, whoever calls how often. */
  fireSchedules(options: { readonly fires: readonly ScheduleFire[] }): Promise<FiredSchedules>
  /** Adds a job of the schedule now; `null` when there is no such schedule. */
  runSchedule(options: { readonly id: number }): Promise<{ readonly id: number; readonly jobType: string } | null>
  /** Drops the tick `at`; false when it has been dealt with, or the schedule was edited since `revision`. */
  skipTick(options: {
    readonly id: number
    readonly revision: number
    readonly at: string
    readonly next: Date | null
  }): Promise<boolean>
  /** What became of the latest ticks, newest first. The store keeps at least 1,000. */
  listTicks(options: { readonly id: number; readonly limit: number }): Promise<readonly ScheduleTick[]>
  /**
   * Makes the schedules of `owner` those that are declared. A pause made at run time stays.
   *
   * @throws MillraceError `OPTION_INVALID` when a name belongs to another owner; nothing has changed then.
   */
  reconcileSchedules(options: {
    readonly owner: string
    readonly declared: readonly NewSchedule[]
  }): Promise<ReconciledSchedules>
}
