import type { EventOf, EventType, Recorded } from '../history/event.ts'
import type { JobSpec } from '../history/producer-event.ts'
import type { Bounds } from './bounds.ts'
import type { DbClock } from './db-clock.ts'
import type { Fault, Troubles } from './troubles.ts'
export type At<T extends EventType> = Recorded<EventOf<T>>
/** A call of `addJob` or `addJobs`. */
export interface Add {
  readonly event: At<'add'>
  ok: At<'add-ok'> | undefined
  error: At<'add-error'> | undefined
}
/** A job as one producer meant it: one entry of one add. */
export interface Meant {
  readonly spec: JobSpec
  readonly add: Add
  /** The id it was answered. */
  readonly id: number | undefined
}
/** A change of a job, which took effect, if it did, between `from` and `to`. */
export interface Change {
  readonly call: At<'change'>
  answer: At<'change-ok'> | undefined
  error: At<'change-error'> | undefined
}
/** A call of a handler's context. */
export interface Report {
  readonly event: At<'report'>
  ok: At<'report-ok'> | undefined
  error: At<'report-error'> | undefined
}
/** One run of a handler. */
export interface Exec {
  readonly start: At<'start'>
  readonly job: Job
  readonly worker: Worker
  end: At<'end'> | undefined
  readonly aborts: At<'abort'>[]
  leaseLost: At<'lease-lost'> | undefined
  readonly reports: Report[]
  readonly steps: (At<'step-start'> | At<'step-value'>)[]
  readonly waits: (At<'wait-begin'> | At<'wait-end'>)[]
  /** Whoever holds the job now instead of this one, as soon as that can be seen. */
  staleBy: Exec | undefined
}
export interface Job {
  readonly id: number
  /** All adds that were answered this id; several if they share a key. */
  readonly meant: Meant[]
  /** That whose ref the stored job carries. */
  spec: JobSpec | undefined
  /** By when they began. */
  readonly execs: Exec[]
  readonly states: At<'state'>[]
  readonly changes: Change[]
  effects: At<'effects'> | undefined
}
/** A worker process, from its start to its end. */
export interface Worker extends Troubles {
  readonly name: string
  started: At<'worker-started'> | undefined
  gone: At<'worker-gone'> | undefined
  drainBegin: At<'drain-begin'> | undefined
  drainEnd: At<'drain-end'> | undefined
  /** The earliest moment at which it may have been dead. */
  diedAt: number
  readonly execs: Exec[]
}
/** A history, arranged by what its events are about. */
export interface Timeline {
  readonly events: readonly Recorded[]
  readonly bounds: Bounds
  readonly clock: DbClock
  readonly jobs: ReadonlyMap<number, Job>
  readonly adds: readonly Add[]
  /** By ref. A ref of several adds is one that its producer tried again. */
  readonly meant: ReadonlyMap<string, readonly Meant[]>
  /** Ids under which a ref was seen in the store. */
  readonly idsOfRef: ReadonlyMap<string, ReadonlySet<number>>
  readonly workers: ReadonlyMap<string, Worker>
  readonly faults: readonly Fault[]
  /** What hit everybody. */
  readonly common: Troubles
  /** `quiet`, or nothing if faults never stopped. */
  readonly quiet: At<'quiet'> | undefined
  /** When the last look was taken. */
  readonly finishedAt: number
  /** Callers' transactions that are known to have been committed. */
  readonly committed: ReadonlyMap<string, At<'tx-end'>>
  /** The last complete reading of everything stored. */
  readonly inventory: At<'inventory'> | undefined
  /** All events of the rarer kinds. */
  of<T extends EventType>(type: T): readonly At<T>[]
}
/** When a handler was over: it ended or its process died. Infinity: it still runs. */
export declare function overAt(exec: Exec): number
/** From when somebody else certainly holds the job. */
export declare function staleFrom(exec: Exec): number
/**
 * The earliest moment at which this execution may have completed its job, or Infinity: when its handler returned, or when it
 * asked for the transaction that completes the job, unless that was refused.
 */
export declare function succeededAt(exec: Exec): number
/** Whether a change may have had an effect in the window. */
export declare function mayHaveHit(change: Change, from: number, to: number): boolean
/** Changes that let a finished or running job run again. */
export declare function isRestart(change: Change): boolean
/** Whether the job is acknowledged, and in a transaction that is known to have been committed if in any. */
export declare function acknowledgedAt(timeline: Timeline, job: Job): number
/** Final as the API shows it: nothing more happens by itself. */
export declare function isTerminal(state: At<'state'>): boolean
/** What the limit of a group is. */
export declare function groupLimit(bounds: Bounds, group: string): number | undefined
//# sourceMappingURL=timeline.d.ts.map
