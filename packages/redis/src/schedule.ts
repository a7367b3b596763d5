import { MillraceError } from 'millrace'
import type { NewSchedule, ScheduleDefinition, ScheduleStore, StoredSchedule } from 'millrace/store'
import { jobFields } from './enqueue.ts'
import { scripts } from './generated/lua.ts'
import type { Argument, RedisInstance } from './instance.ts'
import { periodOf } from './period.ts'
import { integer, list, text } from './replies.ts'
import { scheduleTick, storedSchedule } from './stored-schedule.ts'

export function scheduleVerbs(instance: RedisInstance): ScheduleStore {
  return { ...definingVerbs(instance), ...firingVerbs(instance) }
}

type Firing = 'dueSchedules' | 'fireSchedules' | 'runSchedule' | 'skipTick' | 'listTicks' | 'storeTime'

function definingVerbs(instance: RedisInstance): Omit<ScheduleStore, Firing> {
  return {
    async addSchedule(schedule) {
      const id = await instance.run(scripts.add_schedule, newArguments(schedule))
      return id === '' ? null : integer(id)
    },
    async getSchedule(ref) {
      const args = 'id' in ref ? ['ids', ref.id] : ['name', ref.tenantId ?? '', ref.name]
      return (await schedulesOf(instance, args))[0] ?? null
    },
    async listSchedules({ status, tenantId }) {
      const all = await schedulesOf(instance, ['all'])
      return all.filter(
        (schedule) =>
          (status === undefined || schedule.status === status) &&
          (tenantId === undefined || schedule.tenantId === tenantId),
      )
    },
    async editSchedule({ id, revision, definition, nextRunAt }) {
      const next = nextRunAt === undefined ? {} : { next: nextArgument(nextRunAt) }
      const args = [id, revision, ...counted({ ...definitionFields(definition), ...next })]
      return (await instance.run(scripts.edit_schedule, args)) === 1
    },
    removeSchedule: async ({ id }) => (await instance.run(scripts.remove_schedule, [id])) === 1,
    pauseSchedule: async ({ id, revision }) =>
      (await instance.run(scripts.set_schedule_status, [id, revision, 'p', ''])) === 1,
    resumeSchedule: async ({ id, revision, nextRunAt }) =>
      (await instance.run(scripts.set_schedule_status, [id, revision, 'a', nextArgument(nextRunAt)])) === 1,
    async reconcileSchedules({ owner, declared }) {
      const sorted = declared.toSorted((a, b) => compare(a.tenantId ?? '', b.tenantId ?? '') || compare(a.name, b.name))
      const args = [owner, sorted.length, ...sorted.flatMap(newArguments)]
      const [added, edited, removed] = list(await instance.run(scripts.reconcile_schedules, args))
      if (added === 'refused') throw refused(owner, list(edited).map(text))
      return {
        added: list(added).map(text),
        edited: list(edited).map(text),
        removed: list(removed).map(text).toSorted(compare),
      }
    },
  }
}

function firingVerbs(instance: RedisInstance): Pick<ScheduleStore, Firing> {
  const storeTime = async (): Promise<Date> => new Date(integer(await instance.run(scripts.time)))
  return {
    storeTime,
    async dueSchedules({ limit }) {
      const [now, next, found] = list(await instance.run(scripts.due_schedules, [limit]))
      return {
        now: new Date(integer(now)),
        nextDueMs: next === '' ? null : Number(next),
        schedules: known(list(found)),
      }
    },
    async fireSchedules({ fires }) {
      const stored = await schedulesOf(instance, ['ids', ...fires.map(({ id }) => id)])
      const definitions = new Map(stored.map((schedule) => [schedule.id, schedule]))
      const args = fires
        .toSorted((a, b) => a.id - b.id)
        .flatMap(({ id, revision, at, missed, next, ticks }) => {
          const definition = definitions.get(id)
          const each = ticks.flatMap((tick) => [tick.getTime(), period(definition, tick), delay(definition)])
          return [id, revision, at, missed ? 1 : 0, nextArgument(next), ticks.length, ...each]
        })
      const [added, moved, due] = list(await instance.run(scripts.fire_schedules, args))
      const flat = list(added)
      return {
        added: flat.flatMap((id, at) => (at % 2 === 0 ? [{ id: integer(id), jobType: text(flat[at + 1]) }] : [])),
        moved: integer(moved),
        nextDueMs: due === '' ? null : Number(due),
      }
    },
    async runSchedule({ id }) {
      const [schedule] = await schedulesOf(instance, ['ids', id])
      const answer = await instance.run(scripts.run_schedule, [id, period(schedule, await storeTime())])
      if (answer === '') return null
      const [jobId, jobType] = list(answer)
      return { id: integer(jobId), jobType: text(jobType) }
    },
    skipTick: async ({ id, revision, at, next }) =>
      (await instance.run(scripts.skip_tick, [id, revision, at, nextArgument(next)])) === 1,
    async listTicks({ id, limit }) {
      const flat = list(await instance.run(scripts.list_ticks, [id, limit]))
      return flat.flatMap((tick, at) => (at % 2 === 0 ? [scheduleTick(tick, flat[at + 1])] : []))
    },
  }
}

async function schedulesOf(instance: RedisInstance, args: readonly Argument[]): Promise<readonly StoredSchedule[]> {
  return known(list(await instance.run(scripts.get_schedules, args)))
}

/** A rule of a kind that a newer version added is left to that one's processes. */
function known(answers: readonly unknown[]): readonly StoredSchedule[] {
  return answers.flatMap((answer) => storedSchedule(list(answer)) ?? [])
}

function period(schedule: StoredSchedule | undefined, at: Date): string {
  if (schedule === undefined || schedule.oncePer === null) return ''
  return periodOf(schedule.oncePer, schedule.timezone, at)
}

/** Drawn here: every run of a script starts with the same random numbers. */
function delay(schedule: StoredSchedule | undefined): number {
  return schedule === undefined ? 0 : Math.floor(Math.random() * schedule.jitterMs)
}

export function nextArgument(next: Date | null): Argument {
  return next === null ? '' : next.getTime()
}

function newArguments(schedule: NewSchedule): Argument[] {
  const { name, tenantId, nextRunAt } = schedule
  return counted({ ...definitionFields(schedule), name, tenant: tenantId ?? '', next: nextArgument(nextRunAt) })
}

/** How many fields, then name and value of each. */
function counted(fields: Readonly<Record<string, Argument>>): Argument[] {
  const entries = Object.entries(fields)
  return [entries.length, ...entries.flat()]
}

/** The fields of `lua/lib/schedules.lua`. */
export function definitionFields(definition: ScheduleDefinition): Readonly<Record<string, Argument>> {
  const { rule, startAt, endAt, job, timezone, allowOverlap, catchUp, catchUpLimit, graceMs, jitterMs, oncePer } =
    definition
  // A zone that nobody knows is refused now, not when the first tick is due.
  if (oncePer !== null) periodOf(oncePer, timezone, new Date(0))
  const bounds = { startAt: startAt?.getTime() ?? null, endAt: endAt?.getTime() ?? null }
  const identity = rule.kind === 'every' ? { kind: rule.kind, everyMs: rule.everyMs } : rule
  return {
    rule: JSON.stringify(rule),
    times: JSON.stringify({ rule: identity, ...bounds }),
    def: JSON.stringify({ timezone, ...bounds, allowOverlap, catchUp, catchUpLimit, graceMs, jitterMs, oncePer }),
    tmpl: JSON.stringify(job),
    job: JSON.stringify([job.jobType, job.payload, ...jobFields(job).map(String)]),
    overlap: allowOverlap ? 1 : 0,
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function refused(owner: string, names: readonly string[]): MillraceError {
  const remedy = 'Rename them, or declare them in one place only'
  return new MillraceError(
    'OPTION_INVALID',
    `Schedules of another owner have names that "${owner}" declares too: ${names.join(', ')}. ${remedy}.`,
    { details: { field: 'schedules', value: owner, remedy } },
  )
}
