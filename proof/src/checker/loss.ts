import { overAt, type Job, type Timeline } from './timeline.ts'
import type { GuaranteeId, Violation } from './violation.ts'

/**
 * What a store that has lost the last seconds may look like: finished jobs run again, claims, cancellations and keys are forgotten.
 * Never excused: a job acknowledged before that is gone (G1), a job that nobody ends (G3), or what no loss
 * explains. A number that is given out twice is a violation like any other: see `isDespiteLoss`.
 */
const EXCUSED: ReadonlySet<GuaranteeId> = new Set([
  'G4',
  'G5',
  'G6',
  'G7',
  'G8',
  'G9',
  'G11',
  'G12',
  'G13',
  'G14',
  'G15',
  'G16',
  'G18',
  'G22',
  'G27',
])

/** A claim takes effect so much before its handler begins. */
const CLAIM_MS = 2_000

/** Whether a violation is nothing but what a loss that the run brought about may look like. */
export function isExcusedByLoss(timeline: Timeline, { guarantee, jobs, isDespiteLoss }: Violation): boolean {
  if (isDespiteLoss || !EXCUSED.has(guarantee)) return false
  return jobs.some((id) => {
    const job = timeline.jobs.get(id)
    return job !== undefined && wasTouched(timeline, job)
  })
}

/** Whether anything of the job was recorded in the store in a time that was lost. */
function wasTouched({ faults, bounds }: Timeline, job: Job): boolean {
  const spans = [
    ...job.execs.map((exec) => ({ from: exec.start.at - CLAIM_MS, to: overAt(exec) + bounds.settleMs })),
    ...job.meant.map(({ add }) => ({ from: add.event.at, to: add.ok?.at ?? add.event.at + bounds.settleMs })),
    ...job.changes.map(({ call, answer }) => ({ from: call.at, to: answer?.at ?? call.at + bounds.settleMs })),
  ]
  return faults
    .filter(({ effect }) => effect === 'lossy')
    .some((loss) => spans.some(({ from, to }) => from <= loss.to && to >= loss.from))
}
