import type { Recorded } from '../history/event.ts'
import type { RunParams } from '../history/run-event.ts'
import { checkAtomicAdd } from './atomic-add.ts'
import { checkAttempts } from './attempts.ts'
import { buildTimeline } from './build-timeline.ts'
import { checkCancelling } from './cancelling.ts'
import { checkConcurrency } from './concurrency.ts'
import { checkConnections } from './connections.ts'
import { type Counters, countersOf } from './counters.ts'
import { type Coverage, coverageOf } from './coverage.ts'
import { checkDashboard } from './dashboard.ts'
import { checkDependencies } from './dependencies.ts'
import { checkDrain } from './drain.ts'
import { checkDurableAccept } from './durable-accept.ts'
import { checkDuplicates, checkExclusiveLease } from './executions.ts'
import { checkFencing } from './fencing.ts'
import { checkFidelity } from './fidelity.ts'
import { checkIsolation } from './isolation.ts'
import { isExcusedByLoss } from './loss.ts'
import { checkOneClock, checkRetryTiming } from './one-clock.ts'
import { checkRecovery } from './recovery.ts'
import { checkResources } from './resources.ts'
import { checkSchedules } from './schedules.ts'
import { checkSerialOrder } from './serial-order.ts'
import { checkDueTime, checkWakeUp } from './start-times.ts'
import { checkSteps } from './steps.ts'
import { checkTermination } from './termination.ts'
import type { Timeline } from './timeline.ts'
import { checkTransactional } from './transactional.ts'
import { checkTruthfulStates } from './truthful-states.ts'
import { checkUniqueKeys } from './unique-keys.ts'
import { type Finding, GUARANTEES, type GuaranteeId, type Violation } from './violation.ts'

const CHECKS: Readonly<Record<GuaranteeId, (timeline: Timeline) => Finding>> = {
  G1: checkDurableAccept,
  G2: checkAtomicAdd,
  G3: checkTermination,
  G4: checkTruthfulStates,
  G5: checkDuplicates,
  G6: checkExclusiveLease,
  G7: checkFencing,
  G8: checkAttempts,
  G9: checkRetryTiming,
  G10: checkTransactional,
  G11: checkUniqueKeys,
  G12: checkConcurrency,
  G13: checkSerialOrder,
  G14: checkDependencies,
  G15: checkSchedules,
  G16: checkDueTime,
  G17: checkWakeUp,
  G18: checkDrain,
  G19: checkConnections,
  G20: checkIsolation,
  G21: checkFidelity,
  G22: checkCancelling,
  G23: checkRecovery,
  G24: checkOneClock,
  G25: checkResources,
  G26: checkDashboard,
  G27: checkSteps,
}

/** What a history says of a promise. */
export interface Verdict {
  readonly guarantee: GuaranteeId
  readonly title: string
  readonly verdict: 'held' | 'violated' | 'not exercised'
  /** How often it was put to the test. */
  readonly examined: number
  readonly violations: readonly Violation[]
}

/** Everything the checker says of a run. */
export interface Judgement {
  readonly params: RunParams
  readonly verdicts: readonly Verdict[]
  readonly counters: Counters
  readonly coverage: Coverage
  /** Nothing was violated, and the run was one: what it meant to happen did happen. */
  readonly isGreen: boolean
}

/**
 * Holds a history against every promise.
 *
 * @param params - Default: those of the history's `run` event; throws if there are none.
 */
export function check(history: readonly Recorded[], params?: RunParams): Judgement {
  const timeline = buildTimeline(history, params)
  const verdicts = (Object.keys(GUARANTEES) as GuaranteeId[]).map((guarantee) => judge(timeline, guarantee))
  const counters = countersOf(timeline, verdicts)
  const coverage = coverageOf(timeline)
  const isGreen = verdicts.every(({ verdict }) => verdict !== 'violated') && coverage.missing.length === 0
  return { params: timeline.bounds, verdicts, counters, coverage, isGreen }
}

function judge(timeline: Timeline, guarantee: GuaranteeId): Verdict {
  const { examined, violations: found } = CHECKS[guarantee](timeline)
  const violations = found.filter((violation) => !isExcusedByLoss(timeline, violation))
  const verdict = violations.length > 0 ? 'violated' : examined > 0 ? 'held' : 'not exercised'
  return { guarantee, title: GUARANTEES[guarantee], verdict, examined, violations }
}
