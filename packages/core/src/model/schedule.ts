import { getNextCronOccurrence } from './cron.ts'
import { assertNever } from './outcome.ts'

/** When a schedule is due. Stored as it is; SQL never looks inside. */
export type ScheduleRule =
  /** `expression` by the clock of `timezone`; see `getNextCronOccurrence`. */
  | { readonly kind: 'cron'; readonly expression: string; readonly timezone: string }
  /** Every `everyMs`, counted from `anchorMs` (milliseconds since 1970), whatever clocks on walls do. */
  | { readonly kind: 'every'; readonly everyMs: number; readonly anchorMs: number }

/** A rule within its start and end, both included. */
export interface ScheduleTimes {
  readonly rule: ScheduleRule
  readonly startAt: Date | null
  readonly endAt: Date | null
}

/**
 * What becomes of ticks that nobody was there to fire, because every process was down. `skip`: nothing. `one`: the latest
 * of them is made up for. `all`: each of them, the latest `catchUpLimit` at most.
 */
export type CatchUp = 'skip' | 'one' | 'all'

export interface CatchUpPolicy {
  readonly catchUp: CatchUp
  readonly catchUpLimit: number
  /** With `skip`: a tick later than this counts as missed. */
  readonly graceMs: number
}

/** The first tick after `after`, or `null` if there is none. */
export function nextTick({ rule, startAt, endAt }: ScheduleTimes, after: Date): Date | null {
  const from = startAt === null ? after : new Date(Math.max(after.getTime(), startAt.getTime() - 1))
  const tick = nextOf(rule, from)
  return tick === null || (endAt !== null && tick > endAt) ? null : tick
}

function nextOf(rule: ScheduleRule, after: Date): Date | null {
  switch (rule.kind) {
    case 'cron':
      return getNextCronOccurrence(rule.expression, rule.timezone, after)
    case 'every': {
      const { everyMs, anchorMs } = rule
      const tick = new Date(anchorMs + (Math.floor((after.getTime() - anchorMs) / everyMs) + 1) * everyMs)
      return Number.isNaN(tick.getTime()) ? null : tick
    }
    default:
      return assertNever(rule)
  }
}

export interface DueTicks {
  /** To be fired, in order. */
  readonly ticks: readonly Date[]
  /** Whether others were due too and are left out. */
  readonly missed: boolean
  /** The tick after all of them; `null`: never again. */
  readonly next: Date | null
}

/**
 * What to do about a schedule whose tick `at` is due at `now`.
 *
 * @param lastTickAt - The last tick that was dealt with; nothing up to it is fired again.
 */
export function dueTicks(
  { times, policy }: { readonly times: ScheduleTimes; readonly policy: CatchUpPolicy },
  { at, now, lastTickAt }: { readonly at: Date; readonly now: Date; readonly lastTickAt: Date | null },
): DueTicks {
  const next = nextTick(times, now > at ? now : at)
  const latest = latestTick(times, at, now)
  if (policy.catchUp === 'all') {
    const ticks = latestTicks(times, { from: at, to: latest }, policy.catchUpLimit)
    return { ticks, missed: ticks[0] !== undefined && ticks[0] > at, next }
  }
  const tick = lastTickAt !== null && latest <= lastTickAt ? at : latest
  const isMissed = policy.catchUp === 'skip' && now.getTime() - tick.getTime() > policy.graceMs
  return { ticks: isMissed ? [] : [tick], missed: isMissed || tick > at, next }
}

/** The last tick of `[from, now]`, where `from` is one. Found by halving: years of missed seconds cost 40 looks. */
function latestTick(times: ScheduleTimes, from: Date, now: Date): Date {
  let latest = from
  let highMs = now.getTime()
  // Invariant: `latest` is a tick, and none lies in `(highMs, now]`.
  while (highMs > latest.getTime()) {
    const middleMs = latest.getTime() + Math.floor((highMs - latest.getTime()) / 2)
    const tick = nextTick(times, new Date(middleMs))
    if (tick !== null && tick <= now) latest = tick
    else if (middleMs === latest.getTime()) break
    else highMs = middleMs
  }
  return latest
}

/** The latest `limit` ticks of `[from, to]`, both of which are ticks. */
function latestTicks(
  times: ScheduleTimes,
  { from, to }: { readonly from: Date; readonly to: Date },
  limit: number,
): readonly Date[] {
  const span = to.getTime() - from.getTime()
  const step = (nextTick(times, from)?.getTime() ?? to.getTime()) - from.getTime()
  // Counted from the end of a window that grows until it holds enough, so that the first of a million is not looked for.
  for (let window = Math.max(1, step) * limit; ; window *= 4) {
    const ticks: Date[] = []
    const first = window >= span ? from : nextTick(times, new Date(to.getTime() - window))
    for (let tick = first; tick !== null && tick <= to;) {
      ticks.push(tick)
      tick = nextTick(times, tick)
    }
    if (ticks.length >= limit || window >= span) return ticks.slice(-limit)
  }
}
