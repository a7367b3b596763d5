import type { JobQueue } from 'millrace'
import type { Recorder } from '../history/recorder.ts'
import type { Plan } from '../load/plan.ts'
import type { Backend } from './backend.ts'

/** Schedules begin so much after they were added. */
const LEAD_MS = 1_000

const PLAN: Plan = { do: 'work', ms: 5 }

/**
 * Two schedules that every worker of the run may fire: one that makes up for all it missed, and one that leaves out what nobody
 * was there for. Recorded with the ticks they must have, until faults stop.
 */
export async function declareSchedules(backend: Backend, recorder: Recorder, durationMs: number): Promise<void> {
  const { startMs, endMs } = await declare(backend, durationMs)
  recorder.record({
    type: 'schedule',
    schedule: 'each second',
    missed: 'catch-up',
    ticksDbMs: ticks(startMs, endMs, 1000),
  })
  recorder.record({ type: 'schedule', schedule: 'by cron', missed: 'skip', ticksDbMs: ticks(startMs, endMs, 2000) })
}

interface Period {
  readonly startMs: number
  readonly endMs: number
}

async function declare(backend: Backend, durationMs: number): Promise<Period> {
  await using queue = backend.openQueue()
  for (let leadMs = LEAD_MS; ; leadMs *= 3) {
    const startMs = Math.ceil(((await backend.clock()) + leadMs) / 2000) * 2000
    const endMs = startMs + durationMs - leadMs
    const ids = await addSchedules(queue, { startMs, endMs })
    if ((await backend.clock()) < startMs) return { startMs, endMs }
    // On a machine that has more to do the first ticks had passed by then. No worker is there yet that could have fired one.
    for (const id of ids) await queue.removeCronJob(id)
  }
}

async function addSchedules(queue: JobQueue, { startMs, endMs }: Period): Promise<number[]> {
  const common = { allowOverlap: true, startAt: new Date(startMs), endAt: new Date(endMs), maxAttempts: 20 }
  const payload = (ref: string): object => ({ ref, plan: PLAN, data: null })
  return [
    await queue.addCronJob({
      ...common,
      scheduleName: 'each second',
      everyMs: 1000,
      catchUp: 'all',
      catchUpLimit: 1000,
      jobType: PLAN.do,
      payload: payload('each second'),
    }),
    await queue.addCronJob({
      ...common,
      scheduleName: 'by cron',
      cronExpression: '*/2 * * * * *',
      catchUp: 'skip',
      jobType: PLAN.do,
      payload: payload('by cron'),
    }),
  ]
}

function ticks(from: number, to: number, everyMs: number): number[] {
  return Array.from({ length: Math.floor((to - from) / everyMs) + 1 }, (_, n) => from + n * everyMs)
}
