import { isMillraceError } from './errors.ts'
import type { AuditEntry } from './model/audit.ts'
import { checkInteger, checkOptions, checkText, isRecord } from './model/check.ts'
import { toError } from './model/error-record.ts'
import type { JobQueue } from './queue-api.ts'
import type { QueueCore } from './queue-core.ts'

export interface AuditOptions {
  /** Only entries before the one with this id. Default: from the newest. */
  readonly cursor?: number | undefined
  /** At most so many, 1 to 1,000. Default 100. */
  readonly limit?: number | undefined
}

/** The methods of a queue that keep account of what people do. */
export interface AuditMethods<PayloadMap = Record<string, unknown>> {
  /**
   * The same queue, whose changes are noted under this name: adds, edits, cancels, retries, redrives, pauses, changes of schedules,
   * clean-ups. An entry is written before the change is tried, and completed after it; two statements more for each. Reading, running
   * jobs and listening to events are as they were. `actor`: 1 to 255 characters, whatever says who it was.
   *
   * @throws MillraceError `OPTION_INVALID`
   */
  withActor(actor: string): JobQueue<PayloadMap>
  /** What was done through `withActor`, newest first. For the next page pass the last id as `cursor`. Kept for a year. */
  getAudit(options?: AuditOptions): Promise<AuditEntry[]>
}

const OPTION_NAMES: ReadonlySet<string> = new Set<keyof AuditOptions>(['cursor', 'limit'])

type Target = Readonly<Record<string, unknown>>
type Call = (...args: unknown[]) => Promise<unknown>

const byId = ([id]: readonly unknown[]): Target => ({ id })
const byFilters = ([filters]: readonly unknown[]): Target => ({ filters: filters ?? {} })
const byJob = ([job]: readonly unknown[]): Target => (isRecord(job) ? { jobType: job['jobType'] } : {})

/** What each method that is noted is called on. Names of what is changed, never its values: payloads are nobody's business here. */
const TARGETS: Partial<Record<keyof JobQueue, (args: readonly unknown[]) => Target>> = {
  addJob: byJob,
  addJobs: ([jobs]) => (Array.isArray(jobs) ? { ...byJob([jobs[0]]), count: jobs.length } : {}),
  editJob: ([id, updates]) => ({ id, changes: namesOf(updates) }),
  editAllPendingJobs: ([filters, updates]) => ({ filters: filters ?? {}, changes: namesOf(updates) }),
  cancelJob: byId,
  cancelAllUpcomingJobs: byFilters,
  retryJob: byId,
  redrive: byFilters,
  pause: ([scope]) => ({ scope }),
  resume: ([scope]) => ({ scope }),
  completeToken: byId,
  signalJob: ([id, name]) => ({ id, name }),
  addCronJob: ([schedule]) =>
    isRecord(schedule) ? { scheduleName: schedule['scheduleName'], jobType: schedule['jobType'] } : {},
  editCronJob: ([id, updates]) => ({ id, changes: namesOf(updates) }),
  removeCronJob: byId,
  pauseCronJob: byId,
  resumeCronJob: byId,
  runCronJobNow: byId,
  skipNextCronJob: byId,
  reclaimStuckJobs: ([minutes]) => ({ minutes }),
  cleanupOldJobs: ([days]) => ({ days }),
  cleanupOldJobEvents: ([days]) => ({ days }),
}

/** Which answer only with `{ result: true }`, as their argument at this place. */
const RESULT_AT: Readonly<Record<string, number>> = { editJob: 2, cancelJob: 1, retryJob: 1 }

/** @param queue - With all methods, when one of these is called. */
export function auditMethods(core: QueueCore, queue: () => JobQueue): AuditMethods {
  return {
    withActor(actor) {
      checkText('actor', actor)
      return noted(core, queue(), actor)
    },
    async getAudit(options = {}) {
      checkOptions('options', options, OPTION_NAMES, '{ limit: 50 }')
      const { cursor, limit = 100 } = options
      if (cursor !== undefined)
        checkInteger('cursor', cursor, { min: 1, max: Number.MAX_SAFE_INTEGER, remedy: 'Pass the id of an entry' })
      checkInteger('limit', limit, { min: 1, max: 1000, remedy: 'Leave it out for 100' })
      return [...(await (await core.store()).listAudit({ before: cursor ?? null, limit }))]
    },
  }
}

function noted(core: QueueCore, queue: JobQueue, actor: string): JobQueue {
  const wrapped = Object.entries(TARGETS).map(([action, target]): [string, Call] => {
    const call: Call = Reflect.get(queue, action)
    return [
      action,
      async (...args) => {
        const store = await core.store()
        const id = await store.beginAudit({ actor, action, target: targetText(target(args)) })
        // What became of the change itself is what the caller is to hear of, also where it cannot be noted any more.
        const end = async (outcome: 'done' | 'failed', result: unknown): Promise<void> => {
          await store
            .endAudit({ id, outcome, result: JSON.stringify(result) })
            .catch((error: unknown) => core.events.emit('error', toError(error)))
        }
        let answer: unknown
        try {
          answer = await call(...callArguments(action, args, actor))
        } catch (error) {
          await end('failed', isMillraceError(error) ? error.code : toError(error).name)
          throw error
        }
        await end('done', resultOf(answer))
        return wantsAnswer(action, args) ? answer : undefined
      },
    ]
  })
  return { ...queue, ...Object.fromEntries(wrapped) }
}

function callArguments(action: string, args: readonly unknown[], actor: string): readonly unknown[] {
  const resultAt = RESULT_AT[action]
  // Absent ones in between would be taken for given.
  if (resultAt !== undefined) return [...args.slice(0, resultAt), { result: true }]
  if (action !== 'pause') return args
  const [scope, options] = args
  return options === undefined || isRecord(options) ? [scope, { by: actor, ...options }] : args
}

function wantsAnswer(action: string, args: readonly unknown[]): boolean {
  const resultAt = RESULT_AT[action]
  if (resultAt === undefined) return true
  const options = args[resultAt]
  return isRecord(options) && options['result'] === true
}

function namesOf(updates: unknown): readonly string[] {
  return isRecord(updates) ? Object.keys(updates) : []
}

/** Whatever was passed, even what the method itself will refuse. */
function targetText(target: Target): string {
  try {
    const text = JSON.stringify(target, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
    return text.length > MOST_TEXT ? JSON.stringify({ shortened: text.slice(0, MOST_TEXT) }) : text
  } catch {
    return '{}'
  }
}

const MOST_TEXT = 10_000

function resultOf(answer: unknown): string | number | boolean | null {
  if (Array.isArray(answer)) return answer.length
  if (answer instanceof Date) return answer.toISOString()
  return typeof answer === 'string' || typeof answer === 'number' || typeof answer === 'boolean' ? answer : null
}
