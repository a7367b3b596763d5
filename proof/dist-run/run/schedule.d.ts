import type { EventFault, Fault } from '../faults/fault.ts'
import type { Random } from './random.ts'
/** One fault at one time. */
export interface Step {
  readonly lane: Lane
  readonly fault: EventFault
  /** Counted from the end of the one before in this lane. */
  readonly pauseMs: number
  readonly holdMs: number
  /** What the fault itself draws from. */
  readonly seed: number
}
export interface Schedule {
  readonly steps: readonly Step[]
  readonly conditions: readonly Fault[]
}
export interface ScheduleOptions {
  readonly faults: readonly Fault[]
  readonly durationMs: number
  readonly leaseMs: number
  /** The chance of each condition to hold in this run; 1 when they were asked for by name. */
  readonly conditionChance: number
}
/** Faults of one lane follow each other; lanes go on side by side. */
export declare const LANES: readonly ['processes', 'server']
type Lane = (typeof LANES)[number]
/** What goes wrong, and when: the same for the same seed and options, whatever happens in the run. */
export declare function makeSchedule(random: Random, options: ScheduleOptions): Schedule
export {}
//# sourceMappingURL=schedule.d.ts.map
