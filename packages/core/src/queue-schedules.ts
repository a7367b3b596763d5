import { prepareChanges, prepareJob, type PrepareContext } from './enqueue/prepare.ts'
import { MillraceError } from './errors.ts'
import { checkInteger, checkText, refuseOption } from './model/check.ts'
import { pause } from './model/clock.ts'
import type { JobType } from './model/options.ts'
import { nextTick, type ScheduleRule } from './model/schedule.ts'
import {
  checkEdit,
  checkEditNames,
  checkSchedule,
  type CheckedSchedule,
  type CronScheduleOptions,
  type EditCronScheduleOptions,
  type GivenRule,
} from './model/schedule-options.ts'
import type { QueueCore } from './queue-core.ts'
import { checkedId } from './queue-reads.ts'
import {
  type CronScheduleRecord,
  type CronScheduleStatus,
  scheduleExists,
  scheduleRecord,
} from './queue-schedule-records.ts'
import type { NewJob } from './store/enqueue.ts'
import type { NewSchedule, ReconciledSchedules, ScheduleTick, StoredSchedule } from './store/schedule.ts'
import type { Store } from './store/store.ts'

/** Which tenant's schedule is meant. */
export interface ScheduleScope {
  readonly tenantId?: string | undefined
}

/** The methods of a queue that make and keep schedules. */
export interface ScheduleMethods<PayloadMap = Record<string, unknown>> {
  /**
   * Adds a schedule and resolves with its id. Rejects with `SCHEDULE_EXISTS` if the name is taken, with `OPTION_INVALID` also if the
   * schedule would never be due, and with what `addJob` rejects with for its job.
   */
  addCronJob<T extends JobType<PayloadMap>>(options: CronScheduleOptions<PayloadMap, T>): Promise<number>
  getCronJob(id: number): Promise<CronScheduleRecord | null>
  getCronJobByName(name: string, scope?: ScheduleScope): Promise<CronScheduleRecord | null>
  /** Oldest first; of all tenants unless one is named. */
  listCronJobs(status?: CronScheduleStatus, scope?: ScheduleScope): Promise<CronScheduleRecord[]>
  /** Jobs that it added stay. Unknown ids do nothing, here and below. */
  removeCronJob(id: number): Promise<void>
  pauseCronJob(id: number): Promise<void>
  /** The next tick is the first one from now on: what came due during the pause is not made up for. */
  resumeCronJob(id: number): Promise<void>
  /** Also while it is firing: a tick that was due before the edit is fired by what held before, and none is fired twice. */
  editCronJob(id: number, updates: EditCronScheduleOptions): Promise<void>
  /** Adds the jobs of all due schedules; their number. Processors and supervisors do so by themselves. */
  enqueueDueCronJobs(): Promise<number>
  /** Adds a job of the schedule now, paused or not; its id, or `null` if there is no such schedule. Its ticks stay as they are. */
  runCronJobNow(id: number): Promise<number | null>
  /** Passes over the next tick; the time of that tick, or `null` if there is none. */
  skipNextCronJob(id: number): Promise<Date | null>
  /** Stores the schedules that `schedules` declares, as the first processor or supervisor that starts does; what changed. */
  reconcileSchedules(): Promise<ReconciledSchedules>
  /** What became of the latest ticks, newest first. `limit` 1 to 1,000, default 100. */
  getCronJobTicks(id: number, limit?: number): Promise<ScheduleTick[]>
}

export function scheduleMethods(core: QueueCore): ScheduleMethods {
  const { store, firer } = core
  return {
    async addCronJob(options) {
      const checked = checkSchedule(options)
      const job = await prepareJob(checked.job, core.contextOf(checked.job.jobType))
      return addSchedule(core, (now) => newSchedule(checked, job, now))
    },
    ...readMethods(core),
    async removeCronJob(id) {
      const ref = { id: checkedId(id) }
      await (await store()).removeSchedule(ref)
    },
    async pauseCronJob(id) {
      await change(core, checkedId(id), async (opened, schedule) => {
        return schedule.status === 'paused' || (await opened.pauseSchedule(schedule))
      })
    },
    async resumeCronJob(id) {
      await change(core, checkedId(id), async (opened, schedule) => {
        if (schedule.status === 'active') return true
        return opened.resumeSchedule({ ...schedule, nextRunAt: await nextOf(opened, schedule) })
      })
      core.wake({ kind: 'schedules' })
    },
    async editCronJob(id, updates) {
      checkEditNames(updates)
      await change(core, checkedId(id), (opened, schedule) => edit(core, opened, { schedule, updates }))
      core.wake({ kind: 'schedules' })
    },
    enqueueDueCronJobs: async () => (await firer.fire()).count,
    reconcileSchedules: () => core.declared.reconcile(),
    ...tickMethods(core),
  }
}

function readMethods({
  store,
}: QueueCore): Pick<ScheduleMethods, 'getCronJob' | 'getCronJobByName' | 'listCronJobs' | 'getCronJobTicks'> {
  return {
    async getCronJob(id) {
      const ref = { id: checkedId(id) }
      return recordOrNull(await (await store()).getSchedule(ref))
    },
    async getCronJobByName(name, { tenantId } = {}) {
      checkText('name', name)
      return recordOrNull(await (await store()).getSchedule({ name, tenantId: tenantId ?? null }))
    },
    async listCronJobs(status, { tenantId } = {}) {
      if (status !== undefined && status !== 'active' && status !== 'paused')
        refuseOption('status', status, "'active' or 'paused'", 'Leave it out for both')
      const filter = { ...(status === undefined ? {} : { status }), ...(tenantId === undefined ? {} : { tenantId }) }
      return (await (await store()).listSchedules(filter)).map(scheduleRecord)
    },
    async getCronJobTicks(id, limit = 100) {
      checkInteger('limit', limit, { min: 1, max: 1000, remedy: 'Leave it out for 100' })
      const ref = { id: checkedId(id), limit }
      return [...(await (await store()).listTicks(ref))]
    },
  }
}

function recordOrNull(stored: StoredSchedule | null): CronScheduleRecord | null {
  return stored === null ? null : scheduleRecord(stored)
}

function tickMethods(core: QueueCore): Pick<ScheduleMethods, 'runCronJobNow' | 'skipNextCronJob'> {
  return {
    async runCronJobNow(id) {
      const ref = { id: checkedId(id) }
      const added = await (await core.store()).runSchedule(ref)
      if (added !== null) core.announceAdded([added])
      return added?.id ?? null
    },
    async skipNextCronJob(id) {
      let skipped: Date | null = null
      await change(core, checkedId(id), async (opened, schedule) => {
        const { nextRunAt, nextRunKey } = schedule
        if (nextRunAt === null || nextRunKey === null) return true
        const next = nextTick(schedule, nextRunAt)
        skipped = nextRunAt
        return opened.skipTick({ ...schedule, at: nextRunKey, next })
      })
      return skipped
    },
  }
}

/** How long a change is tried while others keep changing the same schedule. */
const CHANGE_TIMEOUT_MS = 10_000

/** A writer whose change takes more round trips than the others' would lose every time if all tried again at once. */
const MAX_PAUSE_MS = 100

/** Reads, works out and writes, again and again until nobody came between. */
async function change(
  { store, clock }: QueueCore,
  id: number,
  attempt: (store: Store, schedule: StoredSchedule) => Promise<boolean>,
): Promise<void> {
  const opened = await store()
  const startedAt = clock.now()
  for (let tries = 1; clock.now() - startedAt < CHANGE_TIMEOUT_MS; tries++) {
    const schedule = await opened.getSchedule({ id })
    if (schedule === null || (await attempt(opened, schedule))) return
    await pause(clock, clock.random() * Math.min(tries * 5, MAX_PAUSE_MS))
  }
  throw new MillraceError('STORE_FAILED', `Schedule ${id} was changed by others for ${CHANGE_TIMEOUT_MS} ms.`, {
    details: { isTransient: true, remedy: 'Try again' },
  })
}

/** The first tick from now on, and after what has been dealt with. */
async function nextOf(store: Store, schedule: StoredSchedule): Promise<Date | null> {
  return nextTick(schedule, later(await store.storeTime(), schedule.lastTickAt))
}

function later(now: Date, last: Date | null): Date {
  return last !== null && last > now ? last : now
}

/** Adds what `make` makes of the store's time. */
async function addSchedule(core: QueueCore, make: (now: Date) => NewSchedule): Promise<number> {
  const store = await core.store()
  const schedule = make(await store.storeTime())
  const id = await store.addSchedule(schedule)
  if (id !== null) {
    core.wake({ kind: 'schedules' })
    return id
  }
  throw scheduleExists(schedule.name)
}

/** @throws MillraceError `OPTION_INVALID` if it would never be due. */
export function newSchedule(checked: CheckedSchedule, job: NewJob, now: Date): NewSchedule {
  const rule = anchored(checked.rule, now)
  return {
    ...checked.settings,
    name: checked.name,
    tenantId: job.tenantId ?? null,
    rule,
    job,
    nextRunAt: firstTick({ ...checked.settings, rule }, now),
  }
}

function anchored(rule: GivenRule, now: Date): ScheduleRule {
  return rule.kind === 'cron' ? rule : { ...rule, anchorMs: rule.anchorMs ?? now.getTime() }
}

function firstTick(times: Parameters<typeof nextTick>[0], after: Date): Date {
  const next = nextTick(times, after)
  if (next !== null) return next
  const { rule, endAt } = times
  const [field, value] = rule.kind === 'cron' && endAt === null ? ['cronExpression', rule.expression] : ['endAt', endAt]
  return refuseOption(field ?? '', value, 'such that the schedule is due some time', 'It would never run')
}

interface Editing {
  readonly schedule: StoredSchedule
  readonly updates: EditCronScheduleOptions
}

async function edit(core: QueueCore, store: Store, { schedule, updates }: Editing): Promise<boolean> {
  const checked = checkEdit(updates, { rule: schedule.rule, settings: schedule })
  const job = await editedJob(schedule.job, checked.job, core.contextOf(schedule.job.jobType))
  const now = await store.storeTime()
  const rule = checked.rule === undefined ? schedule.rule : anchored(checked.rule, now)
  const { settings } = checked
  const definition = { ...settings, rule, job }
  if (checked.rule === undefined && !('startAt' in updates) && !('endAt' in updates))
    return store.editSchedule({ id: schedule.id, revision: schedule.revision, definition })
  if (schedule.status === 'active' && schedule.nextRunAt !== null && schedule.nextRunAt <= now) {
    // Due by the old rule: the edit comes after it.
    await core.firer.fire()
    const fired = await store.getSchedule({ id: schedule.id })
    if (fired?.nextRunKey !== schedule.nextRunKey) return false
  }
  const nextRunAt = firstTick({ ...settings, rule }, later(now, schedule.lastTickAt))
  return store.editSchedule({ id: schedule.id, revision: schedule.revision, definition, nextRunAt })
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }

/** The template of a schedule's jobs with its changes; `null` clears. */
async function editedJob(
  job: NewJob,
  { payload, group, forceKillOnTimeout, ...others }: Readonly<Record<string, unknown>>,
  context: PrepareContext,
): Promise<NewJob> {
  const edited: Writable<NewJob> = { ...job }
  const changes = prepareChanges(others, context)
  // What `addJob` would refuse is refused here: options as they are, the payload by its type's schema.
  const given = await prepareJob(
    {
      jobType: job.jobType,
      payload: payload === undefined ? null : payload,
      ...(group === undefined || group === null ? {} : { group: group as never }),
      ...(forceKillOnTimeout === undefined ? {} : { forceKillOnTimeout: forceKillOnTimeout as never }),
    },
    payload === undefined ? { maxBytes: context.maxBytes } : context,
  )
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) Reflect.deleteProperty(edited, name)
    else Object.assign(edited, { [name]: value })
  }
  if (payload !== undefined) {
    edited.payload = given.payload
    if (given.codec === undefined) delete edited.codec
    else edited.codec = given.codec
  }
  if (forceKillOnTimeout !== undefined) edited.forceKillOnTimeout = given.forceKillOnTimeout ?? false
  if (group !== undefined) {
    delete edited.groupId
    delete edited.groupTier
    Object.assign(edited, given.groupId === undefined ? {} : { groupId: given.groupId })
    Object.assign(edited, given.groupTier === undefined ? {} : { groupTier: given.groupTier })
  }
  return edited
}
