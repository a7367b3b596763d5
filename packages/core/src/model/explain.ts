import { assertNever } from './outcome.ts'
import { describePauseScope, type Pause, type PauseScope } from './pause.ts'

/** What decides when a job runs, as a store answers it. Times are of the store's clock. */
export type JobFacts =
  | {
      readonly state: 'ended'
      readonly status: 'completed' | 'failed' | 'cancelled'
      readonly finishedAt: Date
      readonly attempts: number
      readonly maxAttempts: number
      readonly failureReason: string | null
      readonly error: string | null
      readonly deadLetterJobId: number | null
    }
  | {
      readonly state: 'live'
      readonly now: Date
      readonly jobType: string
      readonly attempts: number
      readonly maxAttempts: number
      readonly handlerVersion: number | null
      readonly cancelRequestedAt: Date | null
      /** The message of the last failed attempt. */
      readonly error: string | null
      readonly liveWorkers: number
      /** Of those, how many take this type. */
      readonly ableWorkers: number
      /** Of those, how many have the version that it began under; means nothing where `handlerVersion` is null. */
      readonly versionWorkers: number
      /** Those that cover it and hold now. */
      readonly pauses: readonly Pause[]
      readonly lane: LaneFacts
    }

/** What a live job waits for, and what is known of that. */
export type LaneFacts =
  | {
      readonly kind: 'running'
      readonly workerId: string | null
      readonly since: Date | null
      readonly leaseUntil: Date | null
    }
  | { readonly kind: 'ready'; readonly ahead: number; readonly isAheadBounded: boolean; readonly priority: number }
  | { readonly kind: 'timed'; readonly dueAt: Date; readonly cause: 'scheduled' | 'retry' | 'wait' }
  | {
      readonly kind: 'group'
      readonly groupId: string
      readonly active: number
      readonly limit: number | null
      readonly holders: readonly number[]
    }
  | {
      readonly kind: 'dependencies'
      readonly blockers: readonly { readonly id: number; readonly state: string }[]
      readonly unmet: number
      readonly tags: readonly string[]
    }
  | { readonly kind: 'awaiting'; readonly awaited: readonly string[]; readonly until: Date | null }

const STATES: ReadonlyMap<string, string> = new Map([
  ['x', 'running'],
  ['t', 'scheduled'],
  ['g', 'waiting for its group'],
  ['d', 'blocked'],
  ['p', 'paused'],
  ['w', 'waiting'],
])

/** What a job that another waits for is doing, in words, from its lane. */
export function blockerState(lane: string, isRetried: boolean): string {
  return isRetried && lane !== 'x' ? 'failed, to be retried' : (STATES.get(lane) ?? 'pending')
}

/** Why a job is not running, or that it is. */
export type ExplainReason =
  | { readonly kind: 'unknown_job' }
  | { readonly kind: 'completed'; readonly at: Date; readonly attempts: number }
  | {
      readonly kind: 'failed'
      readonly at: Date
      readonly attempts: number
      readonly maxAttempts: number
      readonly failureReason: string | null
      readonly error: string | null
      readonly deadLetterJobId: number | null
    }
  | { readonly kind: 'cancelled'; readonly at: Date }
  | {
      readonly kind: 'running'
      readonly workerId: string | null
      readonly since: Date | null
      readonly leaseUntil: Date | null
    }
  /** It runs, and somebody asked it to stop. */
  | { readonly kind: 'stopping'; readonly since: Date }
  | { readonly kind: 'scheduled'; readonly until: Date }
  | {
      readonly kind: 'retry'
      readonly until: Date
      readonly attempts: number
      readonly maxAttempts: number
      readonly error: string | null
    }
  | { readonly kind: 'waiting_for_time'; readonly until: Date }
  /** A token's id, `signal:` or `event:` and its name. */
  | { readonly kind: 'waiting_for'; readonly awaited: readonly string[]; readonly until: Date | null }
  | {
      readonly kind: 'dependencies'
      readonly blockers: readonly { readonly id: number; readonly state: string }[]
      readonly unmet: number
      readonly tags: readonly string[]
    }
  | {
      readonly kind: 'group_full'
      readonly groupId: string
      readonly active: number
      readonly limit: number | null
      readonly holders: readonly number[]
    }
  /** `isMore`: there are more than that. */
  | { readonly kind: 'queued'; readonly ahead: number; readonly isMore: boolean; readonly priority: number }
  /** By a pause of this scope; of several, one reason each. */
  | {
      readonly kind: 'paused'
      readonly scope: PauseScope
      readonly reason: string | null
      readonly by: string | null
      readonly since: Date
      readonly until: Date | null
    }
  | { readonly kind: 'no_workers' }
  | { readonly kind: 'no_worker_for_type'; readonly jobType: string; readonly liveWorkers: number }
  /** It began under this version of its handler, and none of the workers that take its type has it. */
  | {
      readonly kind: 'no_worker_for_version'
      readonly jobType: string
      readonly version: number
      /** How many take the type. */
      readonly ableWorkers: number
    }
  /** It began under this version of its handler, and only workers that have it take it. */
  | { readonly kind: 'pinned_version'; readonly version: number }

/** What `explain` answers. */
export interface Explanation {
  readonly jobId: number
  /** The first is what holds it up now; the others would hold it up next. */
  readonly reasons: readonly ExplainReason[]
  /** The same as a text. */
  readonly text: string
}

/** Why a job is not running, from what its store knows of it; `null` for a job that is not there. */
export function explain(jobId: number, facts: JobFacts | null): Explanation {
  const reasons = facts === null ? [{ kind: 'unknown_job' } as const] : reasonsOf(facts)
  return { jobId, reasons, text: reasons.map((reason) => sentence(reason)).join(' ') }
}

function reasonsOf(facts: JobFacts): readonly ExplainReason[] {
  if (facts.state === 'ended') return [ended(facts)]
  const first = laneReason(facts)
  if (first.kind === 'running') {
    return facts.cancelRequestedAt === null ? [first] : [first, { kind: 'stopping', since: facts.cancelRequestedAt }]
  }
  const paused = facts.pauses.map((pause) => pauseReason(pause))
  const next: ExplainReason[] = []
  if (facts.liveWorkers === 0) next.push({ kind: 'no_workers' })
  else if (facts.ableWorkers === 0) {
    next.push({ kind: 'no_worker_for_type', jobType: facts.jobType, liveWorkers: facts.liveWorkers })
  }
  const { jobType, handlerVersion: version, ableWorkers } = facts
  if (version !== null) {
    next.push(
      ableWorkers > 0 && facts.versionWorkers === 0
        ? { kind: 'no_worker_for_version', jobType, version, ableWorkers }
        : { kind: 'pinned_version', version },
    )
  }
  // A ready job is held up by a pause before it is by the lack of a worker, and by that before it is by those ahead of it.
  if (first.kind === 'queued') return paused.length > 0 ? [...paused, ...next] : [...next, first]
  return first.kind === 'group_full' ? [...paused, first, ...next] : [first, ...paused, ...next]
}

function pauseReason({ scope, reason, by, pausedAt, until }: Pause): ExplainReason {
  return { kind: 'paused', scope, reason, by, since: pausedAt, until }
}

function ended(facts: Extract<JobFacts, { state: 'ended' }>): ExplainReason {
  const { status, finishedAt: at, attempts, maxAttempts, failureReason, error, deadLetterJobId } = facts
  switch (status) {
    case 'completed':
      return { kind: 'completed', at, attempts }
    case 'cancelled':
      return { kind: 'cancelled', at }
    case 'failed':
      return { kind: 'failed', at, attempts, maxAttempts, failureReason, error, deadLetterJobId }
    default:
      return assertNever(status)
  }
}

function laneReason({ lane, attempts, maxAttempts, error }: Extract<JobFacts, { state: 'live' }>): ExplainReason {
  switch (lane.kind) {
    case 'running':
      return { kind: 'running', workerId: lane.workerId, since: lane.since, leaseUntil: lane.leaseUntil }
    case 'ready':
      return { kind: 'queued', ahead: lane.ahead, isMore: lane.isAheadBounded, priority: lane.priority }
    case 'timed':
      if (lane.cause === 'retry') return { kind: 'retry', until: lane.dueAt, attempts, maxAttempts, error }
      return { kind: lane.cause === 'wait' ? 'waiting_for_time' : 'scheduled', until: lane.dueAt }
    case 'group':
      return {
        kind: 'group_full',
        groupId: lane.groupId,
        active: lane.active,
        limit: lane.limit,
        holders: lane.holders,
      }
    case 'dependencies':
      return { kind: 'dependencies', blockers: lane.blockers, unmet: lane.unmet, tags: lane.tags }
    case 'awaiting':
      return { kind: 'waiting_for', awaited: lane.awaited, until: lane.until }
    default:
      return assertNever(lane)
  }
}

type Sentences = { readonly [K in ExplainReason['kind']]: (reason: Extract<ExplainReason, { kind: K }>) => string }

const SENTENCES: Sentences = {
  unknown_job: () => 'There is no such job; it may have been cleaned up.',
  completed: ({ at, attempts }) => `It completed at ${time(at)}, in attempt ${attempts}.`,
  cancelled: ({ at }) => `It was cancelled at ${time(at)}.`,
  failed: ({ at, attempts, maxAttempts, failureReason, error, deadLetterJobId }) =>
    `It failed for good at ${time(at)} after ${attempts} of ${maxAttempts} attempts (${failureReason ?? 'no reason'}` +
    `${error === null ? '' : `: ${error}`}).${deadLetterJobId === null ? '' : ` Its dead letter is job ${deadLetterJobId}.`}` +
    ' retryJob makes it pending again.',
  running: ({ workerId, since, leaseUntil }) =>
    `It is running${workerId === null ? '' : ` on ${workerId}`}${since === null ? '' : ` since ${time(since)}`}` +
    `${leaseUntil === null ? '.' : `; the lease ends at ${time(leaseUntil)} unless it is extended.`}`,
  stopping: ({ since }) => `It was asked to stop at ${time(since)}.`,
  scheduled: ({ until }) => `It is not due before ${time(until)}.`,
  retry: ({ until, attempts, maxAttempts, error }) =>
    `Attempt ${attempts} of ${maxAttempts} failed${error === null ? '' : ` (${error})`}; the next one is due at ${time(until)}.`,
  waiting_for_time: ({ until }) => `Its handler waits until ${time(until)}.`,
  waiting_for: ({ awaited, until }) =>
    `Its handler waits for ${awaited.length === 0 ? 'a token' : awaited.join(', ')}${until === null ? '' : `, at the latest until ${time(until)}`}.`,
  dependencies: ({ blockers, unmet, tags }) =>
    `It depends on ${unmet} unfinished ${unmet === 1 ? 'thing' : 'things'}` +
    `${blockers.length === 0 ? '' : `: ${blockers.map(({ id, state }) => `job ${id} (${state})`).join(', ')}`}` +
    `${tags.length === 0 ? '.' : `; and on the jobs tagged ${tags.join(', ')}.`}`,
  group_full: ({ groupId, active, limit, holders }) =>
    `Its group ${groupId} has ${active} of ${limit ?? 'unlimited'} places taken` +
    `${holders.length === 0 ? '.' : `, by ${holders.map((id) => `job ${id}`).join(', ')}.`}`,
  queued: ({ ahead, isMore, priority }) =>
    ahead === 0
      ? 'It is the next in line, and starts as soon as a worker has a free slot.'
      : `It is ready, with ${isMore ? 'more than ' : ''}${ahead} ${ahead === 1 ? 'job' : 'jobs'} ahead of it (its priority is ${priority}).`,
  paused: ({ scope, reason, by, since, until }) =>
    `It is paused (${describePauseScope(scope)}) since ${time(since)}${by === null ? '' : ` by ${by}`}` +
    `${until === null ? ', until somebody resumes it' : `, until ${time(until)}`}${reason === null ? '.' : `: ${reason}.`}`,
  no_workers: () => 'No worker is running.',
  no_worker_for_type: ({ jobType, liveWorkers }) =>
    `None of the ${liveWorkers} running workers takes jobs of type ${jobType}.`,
  no_worker_for_version: ({ jobType, version, ableWorkers }) =>
    `It began under version ${version} of its handler, which none of the ${ableWorkers} running workers for ${jobType} has;` +
    ' it waits until one that has it under `version` or `versions` is started.',
  pinned_version: ({ version }) =>
    `It began under version ${version} of its handler, and only workers with that version take it.`,
}

function sentence<K extends ExplainReason['kind']>(reason: Extract<ExplainReason, { kind: K }>): string {
  // Looked up by the kind of this very reason.
  const say = SENTENCES[reason.kind] as (reason: Extract<ExplainReason, { kind: K }>) => string
  return say(reason)
}

function time(at: Date): string {
  return at.toISOString()
}
