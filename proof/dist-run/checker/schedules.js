import { RESUME_MS } from './bounds.js'
import { Findings } from './violation.js'
/**
 * G15: each tick of a schedule makes exactly one job over all processes, and nothing but its ticks does. Ticks of an outage may
 * be left out if the schedule says so.
 */
export function checkSchedules(timeline) {
  const findings = new Findings('G15')
  const made = jobsByTick(timeline)
  for (const schedule of timeline.of('schedule')) {
    const ticks = new Set(schedule.ticksDbMs)
    const jobs = made.get(schedule.schedule) ?? new Map()
    for (const [tick, seen] of jobs) {
      const ids = [...seen.keys()]
      if (seen.size > 1)
        findings.add(`Tick ${isoOf(tick)} of ${schedule.schedule} made ${seen.size} jobs.`, [...seen.values()], ids)
      if (!ticks.has(tick))
        findings.add(
          `${schedule.schedule} has no tick at ${isoOf(tick)}, but a job of it.`,
          [schedule, ...seen.values()],
          ids,
        )
    }
    for (const tick of ticks) {
      if (!isOver(timeline, tick)) continue
      findings.examined++
      if (jobs.has(tick) || (schedule.missed === 'skip' && wasOutage(timeline, tick))) continue
      findings.add(`Tick ${isoOf(tick)} of ${schedule.schedule} made no job.`, [schedule, timeline.inventory])
    }
  }
  return findings
}
function jobsByTick(timeline) {
  const made = new Map()
  for (const job of timeline.jobs.values()) {
    const sightings = [...job.execs.map((exec) => exec.start), ...job.states]
    for (const seen of sightings) {
      if (seen.schedule === undefined || seen.tickDbMs === undefined) continue
      const ticks = made.get(seen.schedule) ?? new Map()
      made.set(seen.schedule, ticks)
      const jobs = ticks.get(seen.tickDbMs) ?? new Map()
      ticks.set(seen.tickDbMs, jobs)
      if (!jobs.has(job.id)) jobs.set(job.id, seen)
    }
  }
  return made
}
/** Whether everything stored was read when the tick, and whatever held it up, had been over long enough. */
function isOver(timeline, tick) {
  const { clock, inventory, common } = timeline
  if (inventory === undefined || !clock.isKnown) return false
  const within = reactionMs(timeline)
  return common.recovering.firstFree(clock.certainlyAt(tick), within) + within < inventory.sentAt
}
function wasOutage(timeline, tick) {
  const at = timeline.clock.certainlyAt(tick)
  const until = at + reactionMs(timeline)
  if (timeline.common.recovering.intersects(at, until)) return true
  return ![...timeline.workers.values()].some(
    ({ started, diedAt, recovering }) =>
      started !== undefined && started.at <= at && diedAt > until && !recovering.intersects(at, until),
  )
}
function reactionMs({ bounds }) {
  return bounds.pollMs + bounds.sweepMs + bounds.leaseMs + RESUME_MS
}
function isoOf(dbMs) {
  return new Date(dbMs).toISOString()
}
//# sourceMappingURL=schedules.js.map
