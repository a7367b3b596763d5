import { parseJobQuery, type JobFilters, type JobStatus } from 'millrace'
import type { Access } from './access.ts'
import type { Schema } from './call.ts'
import { RequestProblem } from './request-problem.ts'

export const STATUSES: readonly JobStatus[] = ['pending', 'processing', 'completed', 'failed', 'cancelled', 'waiting']

/** Of the text of a query. */
const MAX_QUERY = 2000
const TEXT: Schema = { type: 'string', minLength: 1, maxLength: 255 }

/** The filters of a list, as parameters. */
export const FILTER_PARAMETERS: Readonly<Record<string, Schema>> = {
  q: {
    type: 'string',
    maxLength: MAX_QUERY,
    description:
      'A query such as `status:failed type:mail.send created:>-2h`, as `millrace ls` takes it; beside the others.',
  },
  status: { type: 'string', description: 'One status, or several with commas.', examples: STATUSES },
  jobType: TEXT,
  tag: { type: 'string', description: 'Jobs that have all of these, with commas between them.' },
  groupId: TEXT,
  tenantId: TEXT,
  priority: { type: 'integer' },
  final: { type: 'boolean', description: 'Only failures that are not tried again, or only those that are.' },
  createdAfter: { type: 'string', format: 'date-time' },
  createdBefore: { type: 'string', format: 'date-time' },
}

/**
 * The filters that parameters, or the fields of a body, ask for, and the tenant that access is limited to.
 *
 * @throws RequestProblem 400
 * @throws MillraceError `OPTION_INVALID` for a query that means nothing
 */
export function filtersOf(read: (name: string) => unknown, { tenantId }: Access): JobFilters {
  const text = (name: string): string | undefined => {
    const value = read(name)
    if (value === undefined || value === null || value === '') return undefined
    return textOf(name, value)
  }
  const list = (name: string): string[] => (text(name) ?? '').split(',').flatMap((part) => part.trim() || [])
  const [status, tags] = [list('status').map(checkedStatus), list('tag')]
  const [jobType, groupId, priority, final] = [text('jobType'), text('groupId'), text('priority'), text('final')]
  const queried = queryIn(read('q'))
  const asked = text('tenantId')
  // Another tenant than one's own has nothing, whatever else is asked for.
  for (const other of [asked, queried.tenantId])
    if (tenantId !== null && other !== undefined && other !== tenantId) throw invalid('tenantId', other)
  const given: JobFilters = {
    ...(status.length > 0 && { status: status.length === 1 ? status[0] : status }),
    ...(jobType !== undefined && { jobType }),
    ...(tags.length > 0 && { tags: { values: tags } }),
    ...(groupId !== undefined && { groupId }),
    ...(asked !== undefined && { tenantId: asked }),
    ...(priority !== undefined && { priority: checkedInteger('priority', priority) }),
    ...(final !== undefined && { final: checkedFlag('final', final) }),
    ...createdBetween(text('createdAfter'), text('createdBefore')),
  }
  const twice = Object.keys(given).find((name) => Object.hasOwn(queried, name))
  if (twice !== undefined)
    throw new RequestProblem(400, 'PARAMETER_INVALID', `\`${twice}\` is given beside \`q\` and in it.`)
  return { ...queried, ...given, ...(tenantId !== null && { tenantId }) }
}

function queryIn(given: unknown): JobFilters {
  if (given === undefined || given === null || given === '') return {}
  const query = textOf('q', given)
  if (query.length > MAX_QUERY)
    throw new RequestProblem(400, 'PARAMETER_INVALID', `\`q\` has at most ${MAX_QUERY} characters.`)
  return parseJobQuery(query)
}

function createdBetween(after: string | undefined, before: string | undefined): Pick<JobFilters, 'createdAt'> {
  if (after === undefined && before === undefined) return {}
  return {
    createdAt: {
      ...(after !== undefined && { gte: checkedTime('createdAfter', after) }),
      ...(before !== undefined && { lt: checkedTime('createdBefore', before) }),
    },
  }
}

function checkedStatus(given: string): JobStatus {
  const status = STATUSES.find((known) => known === given)
  if (status === undefined) throw invalid('status', given)
  return status
}

function checkedFlag(name: string, given: string): boolean {
  if (given !== 'true' && given !== 'false') throw invalid(name, given)
  return given === 'true'
}

function checkedTime(name: string, given: string): Date {
  const date = new Date(given)
  if (Number.isNaN(date.getTime())) throw invalid(name, given)
  return date
}

function checkedInteger(name: string, given: string): number {
  if (!/^-?\d{1,15}$/.test(given)) throw invalid(name, given)
  return Number(given)
}

/**
 * A number of a request, within bounds that keep one request from being much work.
 *
 * @throws RequestProblem 400
 */
export function numberOf(name: string, given: unknown, bounds: { min: number; max: number; or: number }): number {
  if (given === null || given === undefined || given === '') return bounds.or
  const text = textOf(name, given)
  const value = Number(text)
  if (!/^\d{1,15}$/.test(text) || value < bounds.min || value > bounds.max) {
    const range = `a whole number from ${bounds.min} to ${bounds.max}`
    throw new RequestProblem(400, 'PARAMETER_INVALID', `\`${name}\` must be ${range}, got ${text.slice(0, 50)}.`)
  }
  return value
}

/** @throws RequestProblem 400 */
export function textOf(name: string, given: unknown): string {
  if (typeof given === 'string' || typeof given === 'number' || typeof given === 'boolean') return String(given)
  throw invalid(name, JSON.stringify(given))
}

function invalid(name: string, given: string): RequestProblem {
  const message = `\`${name}\` cannot be ${JSON.stringify(given.slice(0, 100))}.`
  return new RequestProblem(400, 'PARAMETER_INVALID', message)
}
