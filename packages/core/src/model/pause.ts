import { checkDate, checkNames, checkOptions, checkText, isRecord, refuseOption } from './check.ts'
import { checkScope } from './lanes.ts'

/**
 * Which jobs a pause covers: those that have all that is named. `{}`: every job. A `queue` or `group` without `tenantId`
 * is that of jobs without a tenant, as for adding.
 */
export interface PauseScope {
  readonly jobType?: string | undefined
  /** Not beside `group`. */
  readonly queue?: string | undefined
  /** A group's id, as in `group.id` of a job. */
  readonly group?: string | undefined
  readonly tenantId?: string | undefined
}

/** What `pause` takes besides the scope. */
export interface PauseOptions {
  /** Why, in at most 1,000 characters; `explain` repeats it. */
  readonly reason?: string | undefined
  /** Who paused it, for those who wonder; at most 255 characters. */
  readonly by?: string | undefined
  /** When it ends by itself, by the database's clock. Absent: when it is resumed. */
  readonly until?: Date | undefined
}

/** A pause that holds now. */
export interface Pause {
  /** As it was given, without what is `undefined`. */
  readonly scope: PauseScope
  readonly reason: string | null
  readonly by: string | null
  readonly pausedAt: Date
  readonly until: Date | null
}

const SCOPE_NAMES: ReadonlySet<string> = new Set<keyof PauseScope>(['jobType', 'queue', 'group', 'tenantId'])

const OPTION_NAMES: ReadonlySet<string> = new Set<keyof PauseOptions>(['reason', 'by', 'until'])

const ALIASES: Readonly<Record<string, string>> = {
  type: 'jobType',
  groupId: 'group',
  tenant: 'tenantId',
  name: 'queue',
}

/** `PauseScope` after validation: no key is present with `undefined`. */
export interface ValidPauseScope {
  readonly jobType?: string
  readonly queue?: string
  readonly group?: string
  readonly tenantId?: string
}

/**
 * The scope as a store takes it. A forgotten argument is refused, since taking it for `{}` would pause everything.
 *
 * @throws MillraceError `OPTION_INVALID`
 */
export function validatePauseScope(scope: unknown): ValidPauseScope {
  if (!isRecord(scope)) {
    return refuseOption('scope', scope, 'an object', "Pass `{ jobType: '…' }`, or `{}` for every job")
  }
  checkNames(scope, SCOPE_NAMES, ALIASES)
  const { jobType, queue, group, tenantId } = scope
  if (jobType !== undefined) checkText('jobType', jobType)
  if (queue !== undefined) checkScope('queue', queue)
  if (group !== undefined) checkScope('group', group)
  if (tenantId !== undefined) checkScope('tenantId', tenantId)
  if (queue !== undefined && group !== undefined) {
    refuseOption('queue', queue, 'left out beside `group`', 'A job is in a queue or in a group')
  }
  return {
    ...(jobType !== undefined && { jobType }),
    ...(queue !== undefined && { queue }),
    ...(group !== undefined && { group }),
    ...(tenantId !== undefined && { tenantId }),
  }
}

export interface ValidPauseOptions {
  readonly reason: string | null
  readonly by: string | null
  readonly until: Date | null
}

/** @throws MillraceError `OPTION_INVALID` */
export function validatePauseOptions(options: unknown): ValidPauseOptions {
  if (options === undefined) return { reason: null, by: null, until: null }
  checkOptions('options', options, OPTION_NAMES, "{ reason: '…' }")
  const { reason, by, until } = isRecord(options) ? options : {}
  if (reason !== undefined) checkText('reason', reason, 1000)
  if (by !== undefined) checkText('by', by)
  if (until !== undefined) checkDate('until', until)
  return { reason: reason ?? null, by: by ?? null, until: until ?? null }
}

/** `{ queue: 'mail' }` in words. */
export function describePauseScope({ jobType, queue, group, tenantId }: PauseScope): string {
  const parts = [
    ...(jobType === undefined ? [] : [`type ${jobType}`]),
    ...(queue === undefined ? [] : [`queue ${queue}`]),
    ...(group === undefined ? [] : [`group ${group}`]),
    ...(tenantId === undefined ? [] : [`tenant ${tenantId}`]),
  ]
  return parts.length === 0 ? 'all jobs' : parts.join(', ')
}
