import { causeOf, overlap, successions } from './cause.js'
import { rerunsOfSuccesses } from './connections.js'
import { recoveries, resumptions } from './recovery.js'
import { Slots } from './slots.js'
import { fateOf } from './termination.js'
import { acknowledgedAt, succeededAt } from './timeline.js'
export function countersOf(timeline, verdicts) {
  const violationsOf = (id) => verdicts.find(({ guarantee }) => guarantee === id)?.violations.length ?? 0
  const jobs = [...timeline.jobs.values()]
  const execs = jobs.flatMap((job) => job.execs)
  const succeeded = execs.filter((exec) => succeededAt(exec) < Infinity).length
  const reruns = rerunsOfSuccesses(timeline).length
  const recovered = recoveries(timeline).filter(({ isFair }) => isFair)
  const resumed = resumptions(timeline).filter(({ isFair }) => isFair)
  return {
    acknowledged: jobs.filter((job) => acknowledgedAt(timeline, job) < Infinity).length,
    unknownAdds: timeline.adds.filter(({ ok, error }) => ok === undefined && error?.outcome !== 'refused').length,
    executions: execs.length,
    succeeded,
    lost: violationsOf('G1'),
    ...fates(timeline),
    overlaps: violationsOf('G6'),
    fencedOverlaps: fencedOverlaps(timeline),
    staleWrites: violationsOf('G7'),
    limitOverruns: violationsOf('G12'),
    doubledKeys: violationsOf('G11'),
    rerunsOfSuccesses: reruns,
    rerunRatio: succeeded === 0 ? 0 : reruns / succeeded,
    kills: timeline.of('worker-gone').filter(({ signal }) => signal === 'SIGKILL').length,
    recoveryMaxMs: highest(recovered.map(({ tookMs }) => tookMs)),
    recoveries: recovered.length,
    resumeMaxMs: highest(resumed.map(({ tookMs }) => tookMs)),
    resumptions: resumed.length,
  }
}
function fates(timeline) {
  const slots = new Slots(timeline)
  let limbo = 0
  let undecided = 0
  for (const job of timeline.jobs.values()) {
    if (acknowledgedAt(timeline, job) === Infinity) continue
    const fate = fateOf(timeline, slots, job)
    if (fate === 'limbo') limbo++
    if (fate === 'undecided') undecided++
  }
  return { limbo, undecided }
}
function fencedOverlaps(timeline) {
  let count = 0
  for (const { execs } of timeline.jobs.values()) {
    for (const [previous, next] of successions(execs)) {
      if (overlap(previous, next) && causeOf(timeline, previous, next) !== undefined) count++
    }
  }
  return count
}
function highest(numbers) {
  return numbers.length === 0 ? undefined : Math.max(...numbers)
}
//# sourceMappingURL=counters.js.map
