import { RESUME_MS } from './bounds.ts'
import type { At, Timeline } from './timeline.ts'
import { Findings, type Finding } from './violation.ts'

/**
 * G15: each tick of a schedule makes exactly one job over all processes, and nothing but its ticks does. Ticks of an outage may
 * be left out if the schedule says so.
 */
export function checkSchedules(timeline: Timeline): Finding {
  const findings = new Findings('G15')
  const made = jobsByTick(timeline)
  for (const schedule of timeline.of('schedule')) {
    const ticks = new Set(schedule.ticksDbMs)
    const jobs = made.get(schedule.schedule) ?? new Map<number, Map<number, Sighting>>()
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

type Sighting = At<'state'> | At<'start'>

function jobsByTick(timeline: Timeline): Map<string, Map<number, Map<number, Sighting>>> {
  const made = new Map<string, Map<number, Map<number, Sighting>>>()
  for (const job of timeline.jobs.values()) {
    const sightings: readonly Sighting[] = [...job.execs.map((exec) => exec.start), ...job.states]
    for (const seen of sightings) {
      if (seen.schedule === undefined || seen.tickDbMs === undefined) continue
      const ticks = made.get(seen.schedule) ?? new Map<number, Map<number, Sighting>>()
      made.set(seen.schedule, ticks)
      const jobs = ticks.get(seen.tickDbMs) ?? new Map<number, Sighting>()
      ticks.set(seen.tickDbMs, jobs)
      if (!jobs.has(job.id)) jobs.set(job.id, seen)
    }
  }
  return made
}

/** Whether everything stored was read when the tick, and whatever held it up, had been over long enough. */
function isOver(timeline: Timeline, tick: number): boolean {
  const { clock, inventory, common } = timeline
  if (inventory === undefined || !clock.isKnown) return false
  const within = reactionMs(timeline)
  return common.recovering.firstFree(clock.certainlyAt(tick), within) + within < inventory.sentAt
}

function wasOutage(timeline: Timeline, tick: number): boolean {
  const at = timeline.clock.certainlyAt(tick)
  const until = at + reactionMs(timeline)
  if (timeline.common.recovering.intersects(at, until)) return true
  return ![...timeline.workers.values()].some(
    ({ started, diedAt, recovering }) =>
      started !== undefined && started.at <= at && diedAt > until && !recovering.intersects(at, until),
  )
}

function reactionMs({ bounds }: Timeline): number {
  return bounds.pollMs + bounds.sweepMs + bounds.leaseMs + RESUME_MS
}

function isoOf(dbMs: number): string {
  return new Date(dbMs).toISOString()
}
