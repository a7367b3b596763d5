import { acknowledgedAt, groupLimit } from './timeline.js'
/** Whether no group, lane, prerequisite or change decides when it starts. */
export function isFree(timeline, job) {
  const { spec } = job
  if (spec === undefined || spec.serial !== undefined || spec.dependsOn !== undefined || job.changes.length > 0)
    return false
  return spec.group === undefined || groupLimit(timeline.bounds, spec.group) === undefined
}
/** When it certainly was acknowledged and due. */
export function readyAt(timeline, job) {
  const runAt = job.spec?.runAtDbMs
  const due = runAt === undefined ? 0 : timeline.clock.certainlyAt(runAt)
  return Math.max(acknowledgedAt(timeline, job), due)
}
//# sourceMappingURL=ready.js.map
