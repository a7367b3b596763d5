import { isMillraceError } from './errors.ts'
import type { AuditEntry } from './model/audit.ts'
import { checkInteger, checkOptions, checkText, isRecord } from './model/check.ts'
import { toError } from './model/error-record.ts'
import type { JobQueue } from './queue-api.ts'
import type { QueueCore } from './queue-core.ts'
import type { ExportOptions } from './queue-transfer.ts'
import type { DatabaseClient } from './store/enqueue.ts'

/** What `getAudit` takes. */
export interface AuditOptions {
  /** Only entries before the one with this id. Default: from the newest. */
  readonly cursor?: number | undefined
  /** At most so many, 1 to 1,000. Default 100. */
  readonly limit?: number | undefined
}

/** The methods of a queue that keep account of what people do. */
export interface AuditMethods<PayloadMap = Record<string, unknown>> {
  /**
   * The same queue, whose changes are noted under this name: adds, edits, cancels, retries, redrives, pauses, tokens, signals, events,
   * changes of schedules, clean-ups, exports and imports. An entry is written before the change is tried, and completed after it; two statements more for
   * each. With `{ db }` it is written in that transaction, and is there if and only if that commits. Migrating, reading, running jobs
   * and listening to events are as they were. `actor`: 1 to 255 characters, whatever says who it was.
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

interface Noted {
  /** Names of what is changed, never its values: payloads are nobody's business here. */
  readonly target: (args: readonly unknown[]) => Target
  /** Which argument has `{ db }`, for what can be done in a transaction of the caller's. */
  readonly dbAt?: number
  /** Which argument has `{ result: true }`, for what answers only then. */
  readonly resultAt?: number
}

const byId: Noted['target'] = ([id]) => ({ id })
const byFilters: Noted['target'] = ([filters]) => ({ filters: filters ?? {} })
const byJob: Noted['target'] = ([job]) => (isRecord(job) ? { jobType: job['jobType'] } : {})
const byJobs: Noted['target'] = ([jobs]) => (Array.isArray(jobs) ? { ...byJob([jobs[0]]), count: jobs.length } : {})
const nothing: Noted['target'] = () => ({})

/** Every method that changes something, but for `migrate`, which may be what makes the audit's table. */
const NOTED: Partial<Readonly<Record<keyof JobQueue, Noted>>> = {
  addJob: { target: byJob, dbAt: 1 },
  addJobs: { target: byJobs, dbAt: 1 },
  addBatch: { target: byJobs, dbAt: 1 },
  addFlow: { target: ([nodes]) => ({ nodes: namesOf(nodes) }), dbAt: 1 },
  editJob: { target: ([id, updates]) => ({ id, changes: namesOf(updates) }), resultAt: 2 },
  editAllPendingJobs: { target: ([filters, updates]) => ({ filters: filters ?? {}, changes: namesOf(updates) }) },
  cancelJob: { target: byId, resultAt: 1 },
  cancelAllUpcomingJobs: { target: byFilters },
  retryJob: { target: byId, resultAt: 1 },
  redrive: { target: byFilters },
  pause: { target: ([scope]) => ({ scope }) },
  resume: { target: ([scope]) => ({ scope }) },
  createToken: { target: nothing, dbAt: 1 },
  completeToken: { target: byId, dbAt: 2 },
  expireTimedOutTokens: { target: nothing },
  signalJob: { target: ([id, name]) => ({ id, name }), dbAt: 3 },
  sendEvent: { target: ([name]) => ({ name }), dbAt: 2 },
  addCronJob: {
    target: ([schedule]) =>
      isRecord(schedule) ? { scheduleName: schedule['scheduleName'], jobType: schedule['jobType'] } : {},
  },
  editCronJob: { target: ([id, updates]) => ({ id, changes: namesOf(updates) }) },
  removeCronJob: { target: byId },
  pauseCronJob: { target: byId },
  resumeCronJob: { target: byId },
  runCronJobNow: { target: byId },
  skipNextCronJob: { target: byId },
  enqueueDueCronJobs: { target: nothing },
  reconcileSchedules: { target: nothing },
  reclaimStuckJobs: { target: ([minutes]) => ({ minutes }) },
  cleanupOldJobs: {
    target: ([days, , options]) => ({ days, ...(isRecord(options) && { statuses: options['statuses'] }) }),
  },
  cleanupOldJobEvents: { target: ([days]) => ({ days }) },
  importLines: { target: nothing },
}

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
  const wrapped = Object.entries(NOTED).map(([action, { target, dbAt, resultAt }]): [string, Call] => {
    const call: Call = Reflect.get(queue, action)
    return [
      action,
      async (...args) => {
        const db = dbAt === undefined ? undefined : clientOf(args[dbAt])
        // In a transaction that holds the only connection there is none for us.
        const store = await (db === undefined ? core.store() : core.connection.ready())
        const id = await store.beginAudit({ actor, action, target: targetText(target(args)), db })
        // What became of the change itself is what the caller is to hear of, also where it cannot be noted any more.
        const end = async (outcome: 'done' | 'failed', result: unknown): Promise<void> => {
          await store
            .endAudit({ id, outcome, result: JSON.stringify(result), db })
            .catch((error: unknown) => core.events.emit('error', toError(error)))
        }
        let answer: unknown
        try {
          answer = await call(...callArguments({ action, args, actor, resultAt }))
        } catch (error) {
          // A transaction that a statement failed in takes no other; its entry goes with all else that was done in it.
          if (db === undefined) await end('failed', isMillraceError(error) ? error.code : toError(error).name)
          throw error
        }
        await end('done', resultOf(answer))
        return resultAt === undefined || wantsResult(args[resultAt]) ? answer : undefined
      },
    ]
  })
  return {
    ...queue,
    ...Object.fromEntries(wrapped),
    exportLines: (options) => notedExport(core, queue, { actor, options }),
  }
}

/** An export pauses the queue; how it ended is known when its last line was taken, or it was given up. */
async function* notedExport(
  core: QueueCore,
  queue: JobQueue,
  { actor, options }: { readonly actor: string; readonly options: ExportOptions | undefined },
): AsyncGenerator<string> {
  const store = await core.store()
  const id = await store.beginAudit({ actor, action: 'exportLines', target: targetText({ ...options }), db: undefined })
  let lines = 0
  let end: { readonly outcome: 'done' | 'failed'; readonly result: unknown } = { outcome: 'failed', result: 'given up' }
  try {
    for await (const line of queue.exportLines(options)) {
      lines += 1
      yield line
    }
    end = { outcome: 'done', result: lines }
  } catch (error) {
    end = { outcome: 'failed', result: isMillraceError(error) ? error.code : toError(error).name }
    throw error
  } finally {
    await store
      .endAudit({ id, ...end, result: JSON.stringify(end.result), db: undefined })
      .catch((error: unknown) => core.events.emit('error', toError(error)))
  }
}

/** What is no client is left for the method to refuse. */
function clientOf(options: unknown): DatabaseClient | undefined {
  if (!isRecord(options)) return undefined
  const db = options['db']
  return isClient(db) ? db : undefined
}

function isClient(value: unknown): value is DatabaseClient {
  return typeof value === 'object' && value !== null && 'query' in value && typeof value.query === 'function'
}

interface Made {
  readonly action: string
  readonly args: readonly unknown[]
  readonly actor: string
  readonly resultAt: number | undefined
}

function callArguments({ action, args, actor, resultAt }: Made): readonly unknown[] {
  if (resultAt !== undefined) return [...Array.from({ length: resultAt }, (_, at) => args[at]), { result: true }]
  if (action !== 'pause') return args
  const [scope, options] = args
  return options === undefined || isRecord(options) ? [scope, { by: actor, ...options }] : args
}

function wantsResult(options: unknown): boolean {
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
