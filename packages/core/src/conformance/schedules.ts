import type { ScheduleDefinition, ScheduleFire, StoredSchedule } from '../store/schedule.ts'
import type { Store, Wake } from '../store/store.ts'
import { between, check, equal, rejectsWith } from './assert.ts'
import { type Bench, completed, failed, retry } from './bench.ts'
import type { ConformanceCase } from './case.ts'

const HOUR_MS = 3_600_000

/** Every hour, overlapping, one catch-up. */
export const DEFINITION: ScheduleDefinition = {
  rule: { kind: 'cron', expression: '0 * * * *', timezone: 'UTC' },
  timezone: 'UTC',
  startAt: null,
  endAt: null,
  allowOverlap: true,
  catchUp: 'one',
  catchUpLimit: 100,
  graceMs: 10_000,
  jitterMs: 0,
  oncePer: null,
  job: { jobType: 'work', payload: '{"n":1}' },
}

/** Adds a schedule that has been due for a minute, unless told otherwise. */
export async function addSchedule(
  t: Bench,
  name: string,
  more: Partial<ScheduleDefinition> & { readonly nextRunAt?: Date | null; readonly tenantId?: string } = {},
): Promise<StoredSchedule> {
  const id = await t.store.addSchedule({
    ...DEFINITION,
    name,
    tenantId: null,
    nextRunAt: await ago(t, 60_000),
    ...more,
  })
  check(id !== null, `${name} is added`)
  return known(t.store, id)
}

async function ago(t: Bench, ms: number): Promise<Date> {
  return new Date((await t.store.storeTime()).getTime() - ms)
}

async function known(store: Store, id: number): Promise<StoredSchedule> {
  const schedule = await store.getSchedule({ id })
  check(schedule !== null, `schedule ${id} exists`)
  return schedule
}

/** Fires its next tick; the one after follows in an hour. */
function fire(schedule: StoredSchedule, more: Partial<ScheduleFire> = {}): ScheduleFire {
  const { id, revision, nextRunKey, nextRunAt } = schedule
  check(nextRunKey !== null && nextRunAt !== null, 'the schedule has a next tick')
  const next = new Date(Math.max(nextRunAt.getTime(), Date.now()) + HOUR_MS)
  return { id, revision, at: nextRunKey, ticks: [nextRunAt], missed: false, next, ...more }
}

/** Makes a schedule due again, `agoMs` before now. */
async function dueAgain(t: Bench, { id }: StoredSchedule, agoMs: number): Promise<StoredSchedule> {
  const { revision, ...definition } = await known(t.store, id)
  check(await t.store.editSchedule({ id, revision, definition, nextRunAt: await ago(t, agoMs) }), 'it is edited')
  return known(t.store, id)
}

export const scheduleCases: readonly ConformanceCase[] = [
  {
    name: 'a schedule is read as it was added, by id, by name and in the list',
    async run(t) {
      const given = {
        ...DEFINITION,
        timezone: 'Europe/Berlin',
        rule: { kind: 'cron', expression: '*/5 * * * * *', timezone: 'Europe/Berlin' },
        startAt: new Date('2026-01-01T00:00:00.123Z'),
        endAt: new Date('2126-01-01T00:00:00Z'),
        catchUp: 'all',
        catchUpLimit: 7,
        graceMs: 5,
        jitterMs: 250,
        oncePer: 'day',
        nextRunAt: new Date('2100-01-01T00:00:00.5Z'),
        job: {
          jobType: 'mail',
          payload: '{"a": [null, "ü"]}',
          priority: -3,
          maxAttempts: 9,
          timeoutMs: 1000,
          forceKillOnTimeout: true,
          tags: ['x', 'y, z'],
          retryDelay: 0.5,
          retryBackoff: false,
          retryDelayMax: 60,
          deadLetterJobType: 'dead',
          groupId: 'g',
          groupTier: 'gold',
          tenantId: 'T',
        },
      } as const
      const id = await t.store.addSchedule({ ...given, name: 'full', tenantId: 'T' })
      const { nextRunKey: _, createdAt, updatedAt, ...read } = await known(t.store, id ?? 0)
      equal<unknown>(read, {
        ...given,
        id,
        name: 'full',
        tenantId: 'T',
        owner: null,
        status: 'active',
        revision: 1,
        lastTickAt: null,
        lastEnqueuedAt: null,
        lastJobId: null,
        lastSkippedAt: null,
        lastSkip: null,
      })
      equal(createdAt, updatedAt)
      equal((await t.store.getSchedule({ name: 'full', tenantId: 'T' }))?.id, id ?? undefined)
      equal(await t.store.getSchedule({ name: 'full', tenantId: null }), null)
      const second = await addSchedule(t, 'second')
      equal(
        (await t.store.listSchedules({})).map(({ name }) => name),
        ['full', 'second'],
      )
      equal(
        (await t.store.listSchedules({ tenantId: 'T' })).map(({ name }) => name),
        ['full'],
      )
      await t.store.pauseSchedule(second)
      equal(
        (await t.store.listSchedules({ status: 'paused' })).map(({ name }) => name),
        ['second'],
      )
    },
  },
  {
    name: 'a name is given once to each tenant, however many ask for it at the same time',
    async run(t) {
      const schedule = { ...DEFINITION, name: 'n', tenantId: null, nextRunAt: null }
      const ids = await Promise.all(Array.from({ length: 8 }, () => t.store.addSchedule(schedule)))
      equal(ids.filter((id) => id !== null).length, 1)
      check((await t.store.addSchedule({ ...schedule, tenantId: 'T' })) !== null, 'another tenant has its own')
      equal(await t.store.addSchedule({ ...schedule, tenantId: 'T' }), null)
    },
  },
  {
    name: 'a fired tick adds its job and moves the schedule on, and the job knows its schedule and tick',
    async run(t) {
      const schedule = await addSchedule(t, 's')
      const next = new Date(Date.now() + HOUR_MS)
      const fired = await t.store.fireSchedules({ fires: [fire(schedule, { next })] })
      equal(fired.moved, 1)
      between(fired.nextDueMs, HOUR_MS - 60_000, HOUR_MS + 60_000, 'the time until the next tick')
      const [added] = fired.added
      equal(added?.jobType, 'work')
      const job = await t.job(added?.id ?? 0)
      equal<unknown>(
        [job.status, job.payload, job.schedule],
        ['pending', { n: 1 }, { name: 's', tick: schedule.nextRunAt, isManual: false }],
      )
      const after = await known(t.store, schedule.id)
      equal<unknown>(
        [after.nextRunAt, after.lastJobId, after.lastTickAt, after.lastSkip],
        [next, job.id, schedule.nextRunAt, null],
      )
      check(after.lastEnqueuedAt !== null, 'when it was enqueued is told')
      const claimed = await t.claimOne(await t.worker())
      equal<unknown>(claimed.schedule, { name: 's', tick: schedule.nextRunAt, isManual: false })
      await t.settle(completed(claimed))
      equal((await t.job(job.id)).schedule?.name, 's')
    },
  },
  {
    name: 'a tick is fired once, however many fire it at the same time and however often the call is repeated',
    async run(t) {
      const schedules = await Promise.all(Array.from({ length: 20 }, (_, n) => addSchedule(t, `s${n}`)))
      const fires = schedules.map((schedule) => fire(schedule))
      const results = await Promise.all(Array.from({ length: 8 }, () => t.store.fireSchedules({ fires })))
      const again = await t.store.fireSchedules({ fires })
      equal([again.moved, again.added.length], [0, 0])
      equal(results.flatMap(({ added }) => added).length, 20)
      equal((await t.store.listJobs({ limit: 100 })).length, 20)
    },
  },
  {
    name: 'the time by which a tick is due is the store’s: one that is not due yet is not fired',
    async run(t) {
      const early = await addSchedule(t, 's', { nextRunAt: await ago(t, -60_000) })
      const fired = await t.store.fireSchedules({ fires: [fire(early)] })
      equal([fired.moved, fired.added.length], [0, 0])
      const { schedules, nextDueMs } = await t.store.dueSchedules({ limit: 10 })
      equal(schedules.length, 0)
      between(nextDueMs, 1, 60_000, 'the time until the first tick')
    },
  },
  {
    name: 'what is due is told with the longest overdue first, and a schedule that will never run again is not told',
    async run(t) {
      await addSchedule(t, 'late', { nextRunAt: await ago(t, 1000) })
      await addSchedule(t, 'later', { nextRunAt: await ago(t, 5000) })
      await addSchedule(t, 'never', { nextRunAt: null })
      const due = await t.store.dueSchedules({ limit: 10 })
      equal(
        due.schedules.map(({ name }) => name),
        ['later', 'late'],
      )
      equal((await t.store.dueSchedules({ limit: 1 })).schedules.length, 1)
      between(due.now.getTime() - (await t.store.storeTime()).getTime(), -60_000, 0, 'the time of the answer')
    },
  },
  {
    name: 'housekeeping tells when the next schedule is due',
    async run(t) {
      const worker = await t.worker()
      equal((await t.keepHouse(worker)).schedulesDueMs, null)
      const schedule = await addSchedule(t, 's', { nextRunAt: await ago(t, -30_000) })
      between((await t.keepHouse(worker)).schedulesDueMs, 1, 30_000, 'the time until the next tick')
      await dueAgain(t, schedule, 10)
      between((await t.keepHouse(worker)).schedulesDueMs, -60_000, 0, 'the time since the tick')
      await t.store.pauseSchedule(await known(t.store, schedule.id))
      equal((await t.keepHouse(worker)).schedulesDueMs, null)
    },
  },
  {
    name: 'without overlap a tick adds no job until the one before is final, and the skip is recorded',
    async run(t) {
      const worker = await t.worker()
      const schedule = await addSchedule(t, 's', { allowOverlap: false })
      const skips = async (agoMs: number): Promise<boolean> => {
        const due = await dueAgain(t, schedule, agoMs)
        return (await t.store.fireSchedules({ fires: [fire(due)] })).added.length === 0
      }
      await t.store.fireSchedules({ fires: [fire(schedule)] })
      const { lastJobId, lastEnqueuedAt } = await known(t.store, schedule.id)
      check(await skips(50_000), 'while it is pending')
      let job = await t.claimOne(worker)
      check(await skips(40_000), 'while it runs')
      await t.settle(retry(job, 0))
      check(await skips(30_000), 'while it waits for another attempt')
      const after = await known(t.store, schedule.id)
      equal([after.lastSkip, after.lastJobId, after.lastEnqueuedAt], ['overlap', lastJobId, lastEnqueuedAt])
      await t.keepHouse(worker)
      job = await t.claimOne(worker)
      await t.settle(failed(job))
      check(!(await skips(20_000)), 'it has failed for good')
      check(await skips(10_000), 'and the next is pending')
      await t.store.retry({ id: job.id })
      equal(
        (await t.store.listTicks({ id: schedule.id, limit: 10 })).map(({ outcome }) => outcome),
        ['overlap', 'added', 'overlap', 'overlap', 'overlap', 'added'],
      )
    },
  },
  {
    name: 'several ticks of one schedule are made up for in order',
    async run(t) {
      const schedule = await addSchedule(t, 's', { catchUp: 'all' })
      const from = schedule.nextRunAt?.getTime() ?? 0
      const ticks = [0, 1000, 2000].map((ms) => new Date(from + ms))
      await t.store.fireSchedules({ fires: [fire(schedule, { ticks, missed: true })] })
      const jobs = await t.claim(await t.worker())
      equal(
        jobs.map((job) => job.schedule?.tick),
        ticks,
      )
      const after = await known(t.store, schedule.id)
      equal<unknown>([after.lastTickAt, after.lastSkip], [ticks[2], 'missed'])
    },
  },
  {
    name: 'what was worked out before an edit, a pause or a removal has no effect',
    async run(t) {
      const edited = await addSchedule(t, 'edited')
      const paused = await addSchedule(t, 'paused')
      const removed = await addSchedule(t, 'removed')
      const fires = [fire(edited), fire(paused), fire(removed)]
      const { revision, ...definition } = edited
      check(await t.store.editSchedule({ id: edited.id, revision, definition }), 'an edit')
      check(
        !(await t.store.editSchedule({ id: edited.id, revision, definition })),
        'an edit of what was edited meanwhile',
      )
      check(await t.store.pauseSchedule(paused), 'a pause')
      check(!(await t.store.pauseSchedule(paused)), 'a pause of what is paused')
      check(await t.store.removeSchedule(removed), 'a removal')
      check(!(await t.store.removeSchedule(removed)), 'a removal of what is gone')
      equal((await t.store.fireSchedules({ fires })).moved, 0)
      equal(await t.store.runSchedule(removed), null)
      const resumedAt = new Date(Date.now() + HOUR_MS)
      const now = await known(t.store, paused.id)
      check(await t.store.resumeSchedule({ ...now, nextRunAt: resumedAt }), 'a resumption')
      equal((await known(t.store, paused.id)).nextRunAt, resumedAt)
    },
  },
  {
    name: 'a run on request adds a job at once, leaves the ticks alone, and counts for the overlap',
    async run(t) {
      const schedule = await addSchedule(t, 's', { allowOverlap: false, jitterMs: HOUR_MS })
      check(await t.store.pauseSchedule(schedule), 'a pause')
      const ran = await t.store.runSchedule(schedule)
      const job = await t.claimOne(await t.worker())
      equal<unknown>([job.id, job.schedule?.name, job.schedule?.isManual], [ran?.id, 's', true])
      const after = await known(t.store, schedule.id)
      equal([after.nextRunAt, after.lastTickAt, after.lastJobId], [schedule.nextRunAt, null, job.id])
      check(await t.store.resumeSchedule({ ...after, nextRunAt: schedule.nextRunAt }), 'a resumption')
      const fired = await t.store.fireSchedules({ fires: [fire(await known(t.store, schedule.id))] })
      equal([fired.moved, fired.added.length], [1, 0])
      const many = await Promise.all(Array.from({ length: 5 }, () => t.store.runSchedule(schedule)))
      equal(new Set(many.map((added) => added?.id)).size, 5)
    },
  },
  {
    name: 'a tick that is skipped on request adds no job, once',
    async run(t) {
      const schedule = await addSchedule(t, 's')
      const { id, revision, nextRunKey, nextRunAt } = schedule
      const next = new Date(Date.now() + HOUR_MS)
      check(await t.store.skipTick({ id, revision, at: nextRunKey ?? '', next }), 'it is skipped')
      check(!(await t.store.skipTick({ id, revision, at: nextRunKey ?? '', next })), 'it is skipped once')
      equal((await t.store.fireSchedules({ fires: [fire(schedule)] })).moved, 0)
      const after = await known(t.store, id)
      equal([after.nextRunAt, after.lastTickAt, after.lastSkip], [next, nextRunAt, 'asked'])
    },
  },
  {
    name: 'a schedule that runs once per period adds one job in each, whatever moves its ticks',
    async run(t) {
      const day = new Date('2026-03-01T08:00:00Z')
      const schedule = await addSchedule(t, 's', { oncePer: 'day', timezone: 'Asia/Tokyo', nextRunAt: day })
      const ticks = ['2026-03-01T08:00:00Z', '2026-03-01T14:59:00Z', '2026-03-01T15:00:00Z', '2026-03-02T14:00:00Z']
      const fired = await t.store.fireSchedules({
        fires: [fire(schedule, { ticks: ticks.map((tick) => new Date(tick)) })],
      })
      // Midnight of Tokyo is 15:00.
      equal(fired.added.length, 2)
      equal(
        (await t.store.listTicks({ id: schedule.id, limit: 10 })).map(({ outcome }) => outcome),
        ['period', 'added', 'period', 'added'],
      )
      await t.store.runSchedule(schedule)
      const due = await dueAgain(t, schedule, 5)
      equal((await t.store.fireSchedules({ fires: [fire(due)] })).added.length, 0)
    },
  },
  {
    name: 'a schedule by a calendar that the store does not know is refused when it is added',
    async run(t) {
      const schedule = { ...DEFINITION, name: 's', tenantId: null, nextRunAt: null }
      await rejectsWith(
        t.store.addSchedule({ ...schedule, timezone: 'Mars/Olympus', oncePer: 'day' }),
        'STORE_FAILED',
        'OPTION_INVALID',
      )
    },
  },
  {
    name: 'with jitter a job becomes due within it',
    async run(t) {
      const schedules = await Promise.all(
        Array.from({ length: 20 }, (_, n) => addSchedule(t, `s${n}`, { jitterMs: HOUR_MS })),
      )
      await t.store.fireSchedules({ fires: schedules.map((schedule) => fire(schedule)) })
      const now = (await t.store.storeTime()).getTime()
      const delays = (await t.store.listJobs({ limit: 100 })).map(({ runAt }) => runAt.getTime() - now)
      for (const delay of delays) between(delay, -10_000, HOUR_MS, 'the delay')
      check(new Set(delays).size > 10, 'the delays differ')
    },
  },
  {
    name: 'a schedule’s job has its options, group and tenant',
    async run(t) {
      const job = { ...DEFINITION.job, priority: 5, tags: ['a'], groupId: 'g', tenantId: 'T', maxAttempts: 2 }
      const schedule = await addSchedule(t, 's', { job, tenantId: 'T' })
      await t.store.fireSchedules({ fires: [fire(schedule)] })
      const claimed = await t.claimOne(await t.worker())
      equal<unknown>(
        [claimed.priority, claimed.tags, claimed.groupId, claimed.tenantId, claimed.maxAttempts],
        [5, ['a'], 'g', 'T', 2],
      )
      await t.settle(completed(claimed))
    },
  },
  {
    name: 'whoever listens hears of changed schedules',
    needs: ['push'],
    async run(t) {
      const listening = new AbortController()
      const heard = new Promise<void>((resolve, reject) => {
        const onWake = ({ kind }: Wake): void => {
          if (kind === 'schedules') resolve()
        }
        void t.store
          .listen({ onWake, onError: reject, signal: listening.signal })
          .then(() => addSchedule(t, 's'), reject)
      })
      await heard
      listening.abort()
    },
  },
]
