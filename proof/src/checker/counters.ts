import { causeOf, overlap, successions } from './cause.ts'
import { rerunsOfSuccesses } from './connections.ts'
import { recoveries, resumptions } from './recovery.ts'
import { Slots } from './slots.ts'
import { fateOf } from './termination.ts'
import { acknowledgedAt, succeededAt, type Timeline } from './timeline.ts'
import type { Finding, GuaranteeId } from './violation.ts'

/** The figures a run is published with. */
export interface Counters {
  readonly acknowledged: number
  /** Adds whose outcome their caller was not told. */
  readonly unknownAdds: number
  readonly executions: number
  readonly succeeded: number
  /** Acknowledged and gone. */
  readonly lost: number
  /** Acknowledged, due, and not ended in time. */
  readonly limbo: number
  /** Neither ended nor overdue when the run ended. */
  readonly undecided: number
  /** Executions beside another one whose worker was well. */
  readonly overlaps: number
  /** Executions beside another one that had lost the job: permitted, and fenced. */
  readonly fencedOverlaps: number
  readonly staleWrites: number
  readonly limitOverruns: number
  readonly doubledKeys: number
  /** Of handlers that succeeded, those run again because the answer to their record was lost. */
  readonly rerunsOfSuccesses: number
  /** Of all, as a fraction. */
  readonly rerunRatio: number
  readonly kills: number
  /** From the end of a killed process to the next start of each job it ran, at worst, where nothing else went wrong meanwhile. */
  readonly recoveryMaxMs: number | undefined
  /** The same where something did; jobs with nobody free are left out. */
  readonly troubledRecoveryMaxMs: number | undefined
  readonly recoveries: number
  /** From the server's return to the next start, at worst. */
  readonly resumeMaxMs: number | undefined
  readonly resumptions: number
}

export function countersOf(
  timeline: Timeline,
  verdicts: readonly (Finding & { readonly guarantee: GuaranteeId })[],
): Counters {
  const violationsOf = (id: GuaranteeId) => verdicts.find(({ guarantee }) => guarantee === id)?.violations.length ?? 0
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
    recoveryMaxMs: highest(recovered.flatMap(({ isAlone, tookMs }) => (isAlone ? [tookMs] : []))),
    troubledRecoveryMaxMs: highest(recovered.flatMap(({ isAlone, tookMs }) => (isAlone ? [] : [tookMs]))),
    recoveries: recovered.length,
    resumeMaxMs: highest(resumed.map(({ tookMs }) => tookMs)),
    resumptions: resumed.length,
  }
}

function fates(timeline: Timeline): { readonly limbo: number; readonly undecided: number } {
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

function fencedOverlaps(timeline: Timeline): number {
  let count = 0
  for (const { execs } of timeline.jobs.values()) {
    for (const [previous, next] of successions(execs)) {
      if (overlap(previous, next) && causeOf(timeline, previous, next) !== undefined) count++
    }
  }
  return count
}

function highest(numbers: readonly number[]): number | undefined {
  return numbers.length === 0 ? undefined : Math.max(...numbers)
}
