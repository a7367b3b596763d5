import { checkAtomicAdd } from './atomic-add.js'
import { checkAttempts } from './attempts.js'
import { buildTimeline } from './build-timeline.js'
import { checkCancelling } from './cancelling.js'
import { checkConcurrency } from './concurrency.js'
import { checkConnections } from './connections.js'
import { countersOf } from './counters.js'
import { coverageOf } from './coverage.js'
import { checkDashboard } from './dashboard.js'
import { checkDependencies } from './dependencies.js'
import { checkDrain } from './drain.js'
import { checkDurableAccept } from './durable-accept.js'
import { checkDuplicates, checkExclusiveLease } from './executions.js'
import { checkFencing } from './fencing.js'
import { checkFidelity } from './fidelity.js'
import { checkIsolation } from './isolation.js'
import { checkOneClock, checkRetryTiming } from './one-clock.js'
import { checkRecovery } from './recovery.js'
import { checkResources } from './resources.js'
import { checkSchedules } from './schedules.js'
import { checkSerialOrder } from './serial-order.js'
import { checkDueTime, checkWakeUp } from './start-times.js'
import { checkSteps } from './steps.js'
import { checkTermination } from './termination.js'
import { checkTransactional } from './transactional.js'
import { checkTruthfulStates } from './truthful-states.js'
import { checkUniqueKeys } from './unique-keys.js'
import { GUARANTEES } from './violation.js'
const CHECKS = {
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
/**
 * Holds a history against every promise.
 *
 * @param params - Default: those of the history's `run` event; throws if there are none.
 */
export function check(history, params) {
  const timeline = buildTimeline(history, params)
  const verdicts = Object.keys(GUARANTEES).map((guarantee) => judge(timeline, guarantee))
  const counters = countersOf(timeline, verdicts)
  const coverage = coverageOf(timeline)
  const isGreen = verdicts.every(({ verdict }) => verdict !== 'violated') && coverage.missing.length === 0
  return { params: timeline.bounds, verdicts, counters, coverage, isGreen }
}
function judge(timeline, guarantee) {
  const { examined, violations } = CHECKS[guarantee](timeline)
  const verdict = violations.length > 0 ? 'violated' : examined > 0 ? 'held' : 'not exercised'
  return { guarantee, title: GUARANTEES[guarantee], verdict, examined, violations }
}
//# sourceMappingURL=check.js.map
