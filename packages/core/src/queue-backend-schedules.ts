import { prepareJob } from './enqueue/prepare.ts'
import { checkDate, refuseOption } from './model/check.ts'
import { DEFAULTS } from './model/options.ts'
import { checkSchedule, type EditCronScheduleOptions } from './model/schedule-options.ts'
import { timestamp } from './postgres/rows.ts'
import type { Database } from './postgres/schema.ts'
import type { JobQueue } from './queue-api.ts'
import { checkedId } from './queue-reads.ts'
import {
  type CronScheduleInput,
  type CronScheduleRecord,
  type CronScheduleStatus,
  scheduleExists,
  scheduleRecord,
} from './queue-schedule-records.ts'
import type { Store } from './store/store.ts'

/** The part of DataQueue's storage interface that keeps schedules. Queues fire them by themselves, each tick once. */
export interface ScheduleBackendMethods {
  readonly addCronSchedule: (input: CronScheduleInput) => Promise<number>
  readonly getCronSchedule: (id: number) => Promise<CronScheduleRecord | null>
  readonly getCronScheduleByName: (name: string) => Promise<CronScheduleRecord | null>
  readonly listCronSchedules: (status?: CronScheduleStatus) => Promise<CronScheduleRecord[]>
  readonly removeCronSchedule: (id: number) => Promise<void>
  readonly pauseCronSchedule: (id: number) => Promise<void>
  readonly resumeCronSchedule: (id: number) => Promise<void>
  /** Without `nextRunAt` the next tick follows from the updates. */
  readonly editCronSchedule: (id: number, updates: EditCronScheduleOptions, nextRunAt?: Date | null) => Promise<void>
  /** Active schedules whose time has come. Whoever adds their jobs by hand may do so twice: prefer `enqueueDueCronJobs`. */
  readonly getDueCronSchedules: () => Promise<CronScheduleRecord[]>
  /** Records a job that was added by hand, and moves the schedule on. Never back. */
  readonly updateCronScheduleAfterEnqueue: (
    id: number,
    lastEnqueuedAt: Date,
    lastJobId: number,
    nextRunAt: Date | null,
  ) => Promise<void>
}

const MOST_DUE = 10_000

/** @param opened - A queue, a store and a database on one instance. */
export function scheduleBackend(opened: {
  readonly queue: JobQueue
  readonly store: Store
  readonly db: Database
}): ScheduleBackendMethods {
  const { queue, store, db } = opened
  return {
    addCronSchedule: async (input) => addInput(queue, store, input),
    getCronSchedule: (id) => queue.getCronJob(id),
    getCronScheduleByName: (name) => queue.getCronJobByName(name),
    listCronSchedules: (status) => queue.listCronJobs(status),
    removeCronSchedule: (id) => queue.removeCronJob(id),
    pauseCronSchedule: (id) => queue.pauseCronJob(id),
    resumeCronSchedule: (id) => queue.resumeCronJob(id),
    async editCronSchedule(id, updates, nextRunAt) {
      await queue.editCronJob(id, updates)
      if (nextRunAt === undefined) return
      if (nextRunAt !== null) checkDate('nextRunAt', nextRunAt)
      const definition = await store.getSchedule({ id })
      if (definition !== null) await store.editSchedule({ id, revision: definition.revision, definition, nextRunAt })
    },
    async getDueCronSchedules() {
      await queue.ready()
      return (await store.dueSchedules({ limit: MOST_DUE })).schedules.map(scheduleRecord)
    },
    async updateCronScheduleAfterEnqueue(id, lastEnqueuedAt, lastJobId, nextRunAt) {
      checkDate('lastEnqueuedAt', lastEnqueuedAt)
      if (nextRunAt !== null) checkDate('nextRunAt', nextRunAt)
      await queue.ready()
      await db.query(AFTER_ENQUEUE, [
        checkedId(id),
        timestamp(lastEnqueuedAt),
        lastJobId,
        nextRunAt === null ? null : timestamp(nextRunAt),
      ])
    },
  }
}

const AFTER_ENQUEUE = `
  with s as (
    select s.id, s.next_run_at from :schema.schedules s
    where s.id = $1::bigint and ($4::timestamptz is null or s.next_run_at is null or s.next_run_at < $4::timestamptz) for update
  ), t as (
    insert into :schema.schedule_ticks (schedule_id, tick_at, outcome, job_id, fired_at)
      select s.id, s.next_run_at, 'j', $3::bigint, $2::timestamptz from s where s.next_run_at is not null on conflict do nothing
  )
  update :schema.schedules u set last_enqueued_at = $2::timestamptz, last_job_id = $3::bigint, next_run_at = $4::timestamptz,
    last_tick_at = greatest(u.last_tick_at, s.next_run_at), updated_at = clock_timestamp()
  from s where u.id = s.id`

async function addInput(queue: JobQueue, store: Store, input: CronScheduleInput): Promise<number> {
  if (typeof input !== 'object' || input === null)
    return refuseOption('input', input, 'an object', 'Pass a schedule with every field in place')
  const { scheduleName, nextRunAt, timeoutMs, retryDelay, retryBackoff, retryDelayMax, deadLetterJobType } = input
  const { name, rule, settings, job } = checkSchedule({
    scheduleName,
    cronExpression: input.cronExpression,
    jobType: input.jobType,
    payload: input.payload,
    maxAttempts: input.maxAttempts,
    priority: input.priority,
    timeoutMs: timeoutMs ?? undefined,
    forceKillOnTimeout: input.forceKillOnTimeout,
    tags: input.tags,
    timezone: input.timezone,
    allowOverlap: input.allowOverlap,
    retryDelay: retryDelay ?? undefined,
    retryBackoff: retryBackoff ?? undefined,
    retryDelayMax: retryDelayMax ?? undefined,
    deadLetterJobType: deadLetterJobType ?? undefined,
  })
  if (nextRunAt !== null) checkDate('nextRunAt', nextRunAt)
  if (rule.kind !== 'cron') throw new TypeError('an input has a cron expression')
  const prepared = await prepareJob(job, { maxBytes: DEFAULTS.maxPayloadBytes })
  await queue.ready()
  const id = await store.addSchedule({ ...settings, name, tenantId: null, rule, job: prepared, nextRunAt })
  if (id !== null) return id
  throw scheduleExists(name)
}
