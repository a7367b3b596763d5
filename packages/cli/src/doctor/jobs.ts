import { isMillraceError, type JobQueue, type QueueStats, type WorkerRecord } from 'millrace'
import { durationText, timeText } from '../text.ts'
import type { Check } from './check.ts'

/** How late a schedule may be before it is said to be overdue: workers look every few seconds. */
const SCHEDULE_GRACE_MS = 60_000
const LISTED = 5

/** What cannot be reached is no finding but an error of its own, with an exit code of its own. */
export async function checkSchema(queue: JobQueue): Promise<readonly Check[]> {
  const connection: Check = { name: 'connection', ok: true, detail: 'the database answers' }
  try {
    await queue.ready()
    return [connection, { name: 'schema', ok: true, detail: 'up to date' }]
  } catch (error) {
    if (!isMillraceError(error) || !error.code.startsWith('SCHEMA_')) throw error
    const isOlder = error.code === 'SCHEMA_MISSING' || error.code === 'SCHEMA_OUTDATED'
    const next = isOlder ? 'millrace migrate' : 'use the version of millrace that the schema was made by'
    const finding = { name: 'schema', ok: false, detail: `${error.code}: ${error.message}`, next }
    const migrate = { what: 'migrated the schema', apply: async () => void (await queue.migrate()) }
    return [connection, isOlder ? { ...finding, fix: migrate } : finding]
  }
}

/** What the queue itself tells: jobs, workers and schedules. */
export async function checkJobs(queue: JobQueue, maxWaitMs: number): Promise<readonly Check[]> {
  const [broken, stats, workers, overdue] = await Promise.all([
    queue.checkInvariants(),
    queue.getStats(),
    queue.getWorkers(),
    checkSchedules(queue),
  ])
  return [checkInvariants(broken), ...checkWorkers(workers, stats), checkOldest(stats, maxWaitMs), overdue]
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
          detail: `none is alive, and ${stats.ready} jobs are ready`,
          next: 'start one: millrace worker <module>',
        }
      : { name: 'workers', ok: true, detail: `${workers.length} alive, ${stats.ready} jobs ready` }
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
