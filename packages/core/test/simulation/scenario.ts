import { NO_FAULTS, type FaultRates } from './network.ts'
import type { Random } from './random.ts'
import type { StoreSabotage } from './reference-store.ts'

/** Faults built into the runtime's surroundings on purpose, to see whether the checks notice. */
export type Sabotage =
  | StoreSabotage
  /** A settlement whose reply is lost is taken for recorded. */
  | 'settlements dropped'
  /** Claims whose reply is lost are not looked for. */
  | 'claims forgotten'
  /** `stop` does not stop. */
  | 'deaf to stop'
  /** Handlers are never told anything. */
  | 'signals swallowed'
  /** Two processors share the slots of one. */
  | 'double concurrency'

export interface ProcessorSpec {
  readonly name: string
  readonly concurrency: number
  readonly batchSize: number | undefined
  readonly prefetch: number | undefined
  /** Takes one batch after the other instead of working in the background. */
  readonly isOneShot: boolean
}

export interface ProcessSpec {
  readonly connections: number
  readonly latencyMs: number
  readonly processors: readonly ProcessorSpec[]
  readonly hasSupervisor: boolean
}

/** All that is fixed before a simulation begins. */
export interface Scenario {
  readonly isCalm: boolean
  readonly processes: readonly ProcessSpec[]
  readonly leaseMs: number
  readonly pollInterval: number
  readonly groupConcurrency: number | undefined
  readonly keepCompleted: boolean
  readonly jobs: number
  /** Faults, and new jobs, stop after this long. */
  readonly busyMs: number
  readonly rates: FaultRates
  /** Between two things that befall a process. */
  readonly troubleEveryMs: number
}

/** A world of a seed: one in eight without any fault, the others with faults of all kinds in changing strength. */
export function drawScenario(random: Random): Scenario {
  const isCalm = random.chance(0.125)
  const leaseMs = random.pick([2000, 2000, 5000, 30_000])
  const rate = (): number => (random.chance(0.5) ? 0 : random.between(0, 0.12))
  return {
    isCalm,
    leaseMs,
    pollInterval: random.pick([200, 1000, 5000]),
    groupConcurrency: random.pick([undefined, 1, 2]),
    keepCompleted: random.chance(0.75),
    jobs: random.integer(3, 40),
    busyMs: isCalm ? 15_000 : random.between(5000, Math.max(30_000, 2.5 * leaseMs)),
    rates: isCalm
      ? NO_FAULTS
      : {
          refused: rate(),
          requestLost: rate(),
          replyLost: rate(),
          late: rate(),
          duplicated: rate(),
          slow: rate(),
        },
    troubleEveryMs: isCalm ? 4000 : random.between(500, 6000),
    processes: Array.from({ length: random.integer(1, 3) }, (_, index) => drawProcess(random, index)),
  }
}

function drawProcess(random: Random, index: number): ProcessSpec {
  return {
    connections: random.integer(1, 4),
    latencyMs: random.pick([0.5, 5, 40]),
    hasSupervisor: random.chance(0.3),
    processors: Array.from({ length: random.chance(0.2) ? 2 : 1 }, (_, nth) => ({
      name: `p${index}${'ab'[nth] ?? ''}`,
      concurrency: random.integer(1, 6),
      batchSize: random.chance(0.3) ? random.integer(1, 5) : undefined,
      prefetch: random.pick([undefined, undefined, 0, 20]),
      isOneShot: nth === 1 && random.chance(0.5),
    })),
  }
}
