import type { Command } from 'commander'
import { type JobFilters, type JobQueue, type JobRecord, type JobStatus, MillraceError, parseJobQuery } from 'millrace'
import { integer, list, positive, time } from './values.ts'

/** Options of commands that mean several jobs. */
export interface FilterOptions {
  readonly type?: readonly string[]
  readonly tag?: readonly string[]
  readonly group?: string
  readonly tenant?: string
  readonly priority?: number
  readonly createdAfter?: Date
  readonly createdBefore?: Date
  readonly limit: number
}

export const STATUSES: readonly JobStatus[] = ['pending', 'processing', 'completed', 'failed', 'cancelled', 'waiting']

/** Adds the options to `command`. */
export function filterOptions(command: Command, limit: number): Command {
  return command
    .option('--type <type>', 'of this type; can be repeated', list)
    .option('--tag <tag>', 'with this label; can be repeated, all must match', list)
    .option('--group <id>', 'of this group')
    .option('--tenant <id>', 'of this tenant')
    .option('--priority <n>', 'of this priority', integer)
    .option('--created-after <time>', 'added at this time or later', time)
    .option('--created-before <time>', 'added before this time', time)
    .option('--limit <n>', 'at most so many', positive, limit)
}

export function filtersOf(options: FilterOptions): JobFilters {
  const { createdAfter, createdBefore, tag } = options
  const isTimed = createdAfter !== undefined || createdBefore !== undefined
  return {
    jobType: options.type,
    tags: tag === undefined ? undefined : { values: tag },
    groupId: options.group,
    tenantId: options.tenant,
    priority: options.priority,
    createdAt: isTimed ? { gte: createdAfter, lt: createdBefore } : undefined,
  }
}

/**
 * What the words of a query mean, and options beside them.
 *
 * @throws MillraceError `OPTION_INVALID` for a query that means nothing, and for what both name
 */
export function withQuery(words: readonly string[], filters: JobFilters): JobFilters {
  const queried = parseJobQuery(words.join(' '))
  const twice = Object.entries(filters).find(([name, value]) => value !== undefined && Object.hasOwn(queried, name))
  if (twice === undefined) return { ...filters, ...queried }
  const [field, value] = twice
  throw new MillraceError('OPTION_INVALID', `\`${field}\` is given as an option and in the query.`, {
    details: { field, value, remedy: 'Leave one of the two out' },
  })
}

/** @throws MillraceError `OPTION_INVALID` */
export function statusesOf(names: readonly string[] | undefined): readonly JobStatus[] | undefined {
  return names?.map((name) => {
    const status = STATUSES.find((known) => known === name)
    if (status !== undefined) return status
    throw new MillraceError('OPTION_INVALID', `There is no status "${name}".`, {
      details: { field: '--status', value: name, remedy: `use one of ${STATUSES.join(', ')}` },
    })
  })
}

const PAGE = 1000

/** All jobs that match, newest first, read a page at a time. */
export async function* everyJob(queue: JobQueue, filters: JobFilters): AsyncGenerator<JobRecord> {
  let cursor: number | undefined
  for (;;) {
    const page = await queue.getJobs({ ...filters, cursor }, PAGE)
    yield* page
    if (page.length < PAGE) return
    cursor = page.at(-1)?.id
  }
}

/** The job. @throws MillraceError `JOB_NOT_FOUND` */
export async function existingJob(queue: JobQueue, id: number): Promise<JobRecord> {
  const job = await queue.getJob(id)
  if (job !== null) return job
  throw new MillraceError(
    'JOB_NOT_FOUND',
    `There is no job ${id}. It may have been deleted, or not kept once completed.`,
  )
}
