import { isMillraceError, type JobQueue, type Pause, type QueueStats, type WorkerRecord } from 'millrace'
import { scopeText } from '../pause-text.ts'
import { durationText, timeText } from '../text.ts'
import { type Check, noneOf } from './check.ts'
import { refusedServer } from './redis.ts'

/** How late a schedule may be before it is said to be overdue: workers look every few seconds. */
const SCHEDULE_GRACE_MS = 60_000
const LISTED = 5
/** SQLSTATE of a right that is missing. */
const DENIED = '42501'

export interface JobLimits {
  readonly maxWait: number
  readonly maxPause: number
}

/**
 * What cannot be reached is no finding but an error of its own, with an exit code of its own.
 *
 * @param whyDenied - What the role lacks, if it may not even look.
 */
export async function checkSchema(queue: JobQueue, whyDenied?: () => Promise<Check>): Promise<readonly Check[]> {
  const connection: Check = { name: 'connection', ok: true, detail: 'the database answers' }
  try {
    await queue.ready()
    return [connection, { name: 'schema', ok: true, detail: 'up to date' }]
  } catch (error) {
    if (!isMillraceError(error)) throw error
    const refused = refusedServer(error)
    if (refused !== undefined) return [connection, refused]
    if (error.details.storeCode === DENIED && whyDenied !== undefined) return [connection, await whyDenied()]
    if (!error.code.startsWith('SCHEMA_')) throw error
    const isOlder = error.code === 'SCHEMA_MISSING' || error.code === 'SCHEMA_OUTDATED'
    const next = isOlder ? 'millrace migrate' : 'use the version of millrace that the schema was made by'
    const finding = { name: 'schema', ok: false, detail: `${error.code}: ${error.message}`, next }
    const migrate = { what: 'migrated the schema', apply: async () => void (await queue.migrate()) }
    return [connection, isOlder ? { ...finding, fix: migrate } : finding]
  }
}

/** What the queue itself tells: jobs, workers and schedules. */
export async function checkJobs(queue: JobQueue, { maxWait, maxPause }: JobLimits): Promise<readonly Check[]> {
  const [broken, stats, workers, overdue, pauses] = await Promise.all([
    queue.checkInvariants(),
    queue.getStats(),
    queue.getWorkers(),
    checkSchedules(queue),
    queue.getPauses(),
  ])
  return [
    checkInvariants(broken),
    ...checkWorkers(workers, stats),
    checkOldest(stats, maxWait),
    overdue,
    checkPauses(pauses, maxPause),
  ]
}

/** How many jobs failed for good within the last hour. */
export function checkDeadLetters(count: number, maxDead: number): Check {
  const name = 'dead letters'
  const detail = count > maxDead ? `more than ${maxDead} within the last hour` : `${count} within the last hour`
  if (count <= maxDead) return { name, ok: true, detail }
  return {
    name,
    ok: false,
    detail,
    next: 'millrace errors shows their causes; once these are mended: millrace dead redrive',
  }
}

function checkInvariants(broken: Awaited<ReturnType<JobQueue['checkInvariants']>>): Check {
  const name = 'invariants'
  if (broken.length === 0) return { name, ok: true, detail: 'nothing impossible is stored' }
  const listed = broken.slice(0, LISTED).map(({ invariant, detail }) => `${invariant}: ${detail}`)
  const detail = `${broken.length} broken; ${listed.join('; ')}`
  return { name, ok: false, detail, next: 'somebody has changed the tables, or this is a bug: please report it' }
}

function checkWorkers(workers: readonly WorkerRecord[], stats: QueueStats): readonly Check[] {
  const live: Check =
    workers.length === 0 && stats.ready > 0
      ? {
          name: 'workers',
          ok: false,
          detail: `none is alive; jobs that are ready: ${stats.ready}`,
          next: 'start one: millrace worker <module>',
        }
      : { name: 'workers', ok: true, detail: `${workers.length} alive; jobs that are ready: ${stats.ready}` }
  const versions = new Set(workers.map(({ version }) => version))
  if (versions.size < 2) return [live]
  const detail = `workers run ${[...versions].toSorted().join(' and ')}`
  return [live, { name: 'versions', ok: false, detail, next: 'finish the deploy; millrace workers lists them' }]
}

function checkOldest({ oldestReadyMs }: QueueStats, maxWaitMs: number): Check {
  const name = 'oldest ready job'
  if (oldestReadyMs === null) return { name, ok: true, detail: 'none is ready' }
  const detail = `ready for ${durationText(oldestReadyMs)}`
  if (oldestReadyMs <= maxWaitMs) return { name, ok: true, detail }
  const next = 'too few workers, or none for its type: millrace ls --status pending, millrace workers'
  return { name, ok: false, detail: `${detail}, longer than ${durationText(maxWaitMs)}`, next }
}

function checkPauses(pauses: readonly Pause[], maxPauseMs: number): Check {
  const limit = Date.now() - maxPauseMs
  const long = pauses.filter(({ pausedAt }) => pausedAt.getTime() < limit)
  const named = long.map(({ scope, pausedAt }) => `${scopeText(scope)} since ${timeText(pausedAt)}`)
  const fine =
    pauses.length === 0 ? 'nothing is paused' : `${pauses.length}, none older than ${durationText(maxPauseMs)}`
  const check = noneOf(named, { name: 'pauses', fine, what: `older than ${durationText(maxPauseMs)}` })
  return check.ok ? check : { ...check, next: 'if they are forgotten: millrace queues, then millrace resume' }
}

async function checkSchedules(queue: JobQueue): Promise<Check> {
  const name = 'schedules'
  const schedules = await queue.listCronJobs('active')
  // By this machine's clock; the grace covers what two clocks usually differ by.
  const limit = Date.now() - SCHEDULE_GRACE_MS
  const overdue = schedules.filter(({ nextRunAt }) => nextRunAt !== null && nextRunAt.getTime() < limit)
  if (overdue.length === 0) return { name, ok: true, detail: `${schedules.length} active, none overdue` }
  const listed = overdue.slice(0, LISTED).map((late) => `${late.scheduleName} since ${timeText(late.nextRunAt)}`)
  const detail = `${overdue.length} overdue: ${listed.join(', ')}`
  return { name, ok: false, detail, next: 'start a worker or a supervisor: they add the jobs of schedules' }
}
