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
export const LANES = ['processes', 'server'] as const
type Lane = (typeof LANES)[number]

/** What goes wrong, and when: the same for the same seed and options, whatever happens in the run. */
export function makeSchedule(random: Random, options: ScheduleOptions): Schedule {
  // Drawn one by one in a fixed order, so that leaving one out does not change what another gets.
  const conditions = options.faults.filter(
    (fault) => fault.kind === 'condition' && random.chance(options.conditionChance),
  )
  const steps = LANES.flatMap((lane) => stepsOf(lane, random.fork(), options))
  return { steps, conditions }
}

function laneOf({ place }: EventFault): Lane {
  return place === 'server' || place === 'redis' ? 'server' : 'processes'
}

function stepsOf(lane: Lane, random: Random, options: ScheduleOptions): Step[] {
  const faults = options.faults.filter((fault) => fault.kind === 'event').filter((fault) => laneOf(fault) === lane)
  if (faults.length === 0) return []
  const steps: Step[] = []
  // Something runs before the first fault.
  for (let atMs = random.integer(1000, 3000); atMs < options.durationMs;) {
    const fault = random.weighted(faults.map((candidate) => [candidate.weight ?? 1, candidate] as const))
    const [least, most] = fault.holdMs?.(options.leaseMs) ?? [0, 0]
    const step = {
      lane,
      fault,
      pauseMs: steps.length === 0 ? atMs : random.integer(800, 4000),
      holdMs: random.integer(least, most),
      seed: random.integer(0, 2 ** 31),
    }
    atMs += (steps.length === 0 ? 0 : step.pauseMs) + step.holdMs
    if (atMs > options.durationMs && steps.length > 0) break
    steps.push(step)
  }
  return steps
}
