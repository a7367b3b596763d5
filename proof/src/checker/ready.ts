import { acknowledgedAt, groupLimit, type Job, type Timeline } from './timeline.ts'

/** Whether no group, lane, prerequisite or change decides when it starts. */
export function isFree(timeline: Timeline, job: Job): boolean {
  const { spec } = job
  if (spec === undefined || spec.serial !== undefined || spec.dependsOn !== undefined || job.changes.length > 0)
    return false
  return spec.group === undefined || groupLimit(timeline.bounds, spec.group) === undefined
}

/** When it certainly was acknowledged and due. */
export function readyAt(timeline: Timeline, job: Job): number {
  const runAt = job.spec?.runAtDbMs
  const due = runAt === undefined ? 0 : timeline.clock.certainlyAt(runAt)
  return Math.max(acknowledgedAt(timeline, job), due)
}
