import { MillraceError } from 'millrace'
import type { EnqueueResult, EnqueueStore, NewJob } from 'millrace/store'
import { scripts } from './generated/lua.ts'
import type { Argument, RedisInstance } from './instance.ts'
import { groupKey, integer, list } from './replies.ts'

/** How many jobs of each state one look for a lost batch covers. */
const LOOK = 5_000

export function enqueueVerbs(instance: RedisInstance): EnqueueStore {
  return {
    async enqueue({ jobs, nonce, notify = false, db, forgetsCompleted = false }) {
      if (db !== undefined) throw noTransactions()
      if (arePlain(jobs)) return addPlain(instance, { jobs, nonce, notify })
      const args: Argument[] = [nonce ?? '', notify ? 1 : 0, forgetsCompleted ? 1 : 0, jobs.length]
      for (const job of jobs) args.push(...jobArguments(job))
      const [first, second, sleepers] = list(await instance.run(scripts.enqueue, args))
      if (first === 'missing') throw missingPrerequisites(list(second).map(integer))
      const created = list(second).flatMap((flag, index) => (flag === 1 ? [index] : []))
      return {
        ids: list(first).map(integer),
        created: created.length === jobs.length ? 'all' : new Set(created),
        sleepers: sleepers === 1,
      }
    },
    async findEnqueued({ nonce, sinceId }) {
      const ids: number[] = []
      for (let from = sinceId + 1; ;) {
        const [found, next] = list(await instance.run(scripts.find_added, [nonce, from, LOOK]))
        ids.push(...list(found).map(integer))
        if (next === '') return ids.length === 0 ? null : ids
        from = integer(next)
      }
    },
    async wake({ priorities }) {
      await instance.run(scripts.wake, [priorities.length <= 50 ? `r${priorities.join(',')}` : 'r'])
    },
  }
}

/** Whether all are ready at once, at the same level, and nothing but that; see `lua/verbs/enqueue_plain.lua`. */
function arePlain(jobs: readonly NewJob[]): boolean {
  const [first] = jobs
  return jobs.every(
    (job) =>
      job.jobType === first?.jobType &&
      (job.priority ?? 0) === (first.priority ?? 0) &&
      job.runAt === undefined &&
      job.idempotencyKey === undefined &&
      job.keyMode === undefined &&
      job.groupId === undefined &&
      job.queue === undefined &&
      job.tags === undefined &&
      job.dependsOn === undefined,
  )
}

interface PlainJobs {
  readonly jobs: readonly NewJob[]
  readonly nonce: number | undefined
  readonly notify: boolean
}

async function addPlain(instance: RedisInstance, { jobs, nonce, notify }: PlainJobs): Promise<EnqueueResult> {
  const { jobType = '', priority = 0 } = jobs[0] ?? {}
  const args: Argument[] = [nonce ?? '', notify ? 1 : 0, jobType, checkedPriority(priority), jobs.length]
  for (const job of jobs) {
    const fields = jobFields(job)
    args.push(job.payload, fields.length, ...fields)
  }
  const [answered, sleepers] = list(await instance.run(scripts.enqueue_plain, args))
  const first = integer(answered) - jobs.length + 1
  return { ids: jobs.map((_, index) => first + index), created: 'all', sleepers: sleepers === 1 }
}

/** A job as `lua/lib/add.lua` reads it. */
export function jobArguments(job: NewJob): Argument[] {
  const fields = jobFields(job)
  return [job.jobType, job.payload, fields.length / 2, ...fields]
}

const FLAG = '1'

/** The options of a job beyond type and payload: their stored names, and how their values are written. */
const FIELDS: readonly (readonly [name: string, write: (job: NewJob) => Argument | undefined])[] = [
  ['y', ({ priority }) => (priority ? checkedPriority(priority) : undefined)],
  ['run', (job) => job.runAt?.getTime()],
  ['m', (job) => (job.maxAttempts === 3 ? undefined : job.maxAttempts)],
  ['to', (job) => job.timeoutMs],
  ['fk', (job) => (job.forceKillOnTimeout ? FLAG : undefined)],
  ['tg', ({ tags }) => tags && JSON.stringify(tags)],
  ['ik', (job) => job.idempotencyKey],
  ['km', (job) => job.keyMode],
  ['ks', (job) => job.keyScope],
  ['kw', (job) => job.keyWindowMs],
  ['rd', (job) => job.retryDelay],
  ['rb', ({ retryBackoff }) => (retryBackoff === undefined ? undefined : Number(retryBackoff))],
  ['rm', (job) => job.retryDelayMax],
  ['dl', (job) => job.deadLetterJobType],
  ['gk', (job) => groupKey(job.tenantId, job.groupId, job.queue)],
  ['gt', (job) => groupTier(job)],
  ['tn', (job) => job.tenantId],
  ['tc', (job) => job.trace],
  ['rich', (job) => (job.codec === 'rich' ? FLAG : undefined)],
  ['dj', ({ dependsOn }) => dependsOn?.jobIds && JSON.stringify(dependsOn.jobIds)],
  ['dn', ({ dependsOn }) => dependsOn?.names && JSON.stringify(dependsOn.names)],
  ['dt', ({ dependsOn }) => dependsOn?.tags && JSON.stringify(dependsOn.tags)],
  ['of', ({ dependsOn }) => dependsOn?.onFailure?.charAt(0)],
]

/** Those that are not at their default: stored names and values. */
export function jobFields(job: NewJob): Argument[] {
  const fields: Argument[] = []
  for (const [name, write] of FIELDS) {
    const value = write(job)
    if (value !== undefined) fields.push(name, value)
  }
  return fields
}

/** A queue uses it for what its retries do. */
function groupTier({ queue, queueRetries, groupTier: tier }: NewJob): string | undefined {
  if (queue === undefined) return tier
  return queueRetries === 'pass' ? queueRetries : undefined
}

/** Scripts have no types: what PostgreSQL's columns refuse is refused here, before anything is sent. */
function checkedPriority(priority: number): number {
  if (Number.isInteger(priority) && Math.abs(priority) <= 2 ** 31 - 1) return priority
  throw new MillraceError('STORE_FAILED', `A priority of ${priority} cannot be stored.`, {
    details: { field: 'priority', value: priority, outcome: 'none', isInput: true },
  })
}

/** Why nothing can be part of a transaction of the caller. */
export function noTransactions(): MillraceError {
  const remedy = 'Keep an outbox in your database and relay it'
  return new MillraceError('FEATURE_UNSUPPORTED', `The db option is not supported with the Redis backend. ${remedy}.`, {
    details: { field: 'db', remedy },
  })
}

function missingPrerequisites(ids: readonly number[]): MillraceError {
  const shown = ids.length > 20 ? `${ids.slice(0, 20).join(', ')}, …` : ids.join(', ')
  return new MillraceError('JOB_NOT_FOUND', `dependsOn.jobIds: one or more job ids do not exist (${shown})`, {
    details: { field: 'dependsOn.jobIds', value: ids, remedy: 'Pass ids that `addJob` has answered' },
  })
}
