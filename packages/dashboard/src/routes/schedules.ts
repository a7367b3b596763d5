import type { CronScheduleRecord } from 'millrace'
import { idOf, type Call, type Route } from '../call.ts'
import { notFound } from '../locate.ts'
import { RequestProblem } from '../request-problem.ts'
import { scheduleRow, time } from '../show.ts'
import type { TickRow } from '../wire.ts'

const SHOWN_TICKS = 50

export const scheduleRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/schedules',
    summary: 'All schedules, oldest first.',
    query: { status: { enum: ['active', 'paused'] } },
    isLive: true,
    async handle({ dashboard, access, query }) {
      const status = query.get('status') ?? ''
      if (status !== '' && status !== 'active' && status !== 'paused')
        throw new RequestProblem(400, 'PARAMETER_INVALID', "`status` is 'active' or 'paused'.")
      const scope = access.tenantId === null ? undefined : { tenantId: access.tenantId }
      const schedules = await dashboard.queue.listCronJobs(status === '' ? undefined : status, scope)
      return { schedules: schedules.map(scheduleRow) }
    },
  },
  {
    method: 'GET',
    path: '/schedules/:id',
    summary: 'One schedule, with what became of its latest ticks.',
    async handle(call) {
      const schedule = await scheduleOf(call)
      const ticks = await call.dashboard.queue.getCronJobTicks(schedule.id, SHOWN_TICKS)
      const rows: TickRow[] = ticks.map((tick) => ({
        ...tick,
        tickAt: tick.tickAt.toISOString(),
        firedAt: tick.firedAt.toISOString(),
      }))
      return { schedule: scheduleRow(schedule), ticks: rows }
    },
  },
  {
    method: 'POST',
    path: '/schedules/:id/run',
    summary: 'Adds a job of a schedule now; its ticks stay as they are.',
    async handle(call) {
      const { id } = await scheduleOf(call)
      return { ok: true, jobId: await call.queue.runCronJobNow(id) }
    },
  },
  {
    method: 'POST',
    path: '/schedules/:id/skip',
    summary: 'Passes over the next tick.',
    async handle(call) {
      const { id } = await scheduleOf(call)
      const skipped = await call.queue.skipNextCronJob(id)
      if (skipped === null) throw new RequestProblem(409, 'NOT_CHANGED', 'It has no next tick.')
      return { ok: true, skipped: time(skipped) }
    },
  },
  {
    method: 'POST',
    path: '/schedules/:id/pause',
    summary: 'Stops a schedule until it is resumed.',
    async handle(call) {
      const { id } = await scheduleOf(call)
      await call.queue.pauseCronJob(id)
      return { ok: true }
    },
  },
  {
    method: 'POST',
    path: '/schedules/:id/resume',
    summary: 'Goes on with the first tick from now on.',
    async handle(call) {
      const { id } = await scheduleOf(call)
      await call.queue.resumeCronJob(id)
      return { ok: true }
    },
  },
]

async function scheduleOf(call: Call): Promise<CronScheduleRecord> {
  const { dashboard, access } = call
  const schedule = await dashboard.queue.getCronJob(idOf(call))
  const isHidden = access.tenantId !== null && schedule?.tenantId !== access.tenantId
  if (schedule === null || isHidden) throw notFound('There is no such schedule.')
  return schedule
}
