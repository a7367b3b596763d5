import { getNextCronOccurrence } from 'millrace'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
/** Clocks change twice a year where they do. */
const WITHIN_DAYS = 370
/** No zone changes its clock twice within so many days, but for one that thinks better of it. */
const STEP_DAYS = 6

interface CronRule {
  readonly cronExpression: string
  readonly timezone: string
}

interface Change {
  readonly atMs: number
  /** Minutes ahead of UTC. */
  readonly before: number
  readonly after: number
}

/**
 * What the next changes of the clock do to a schedule at fixed times of day: a sentence for each within a year that moves one of its
 * runs. Repeating ones, such as every 15 minutes, go on in step.
 */
export function clockChangeNotes({ cronExpression, timezone }: CronRule, from: Date): string[] {
  if (isRepeating(cronExpression)) return []
  return changesOf(timezone, from).flatMap((change) => noteOn(change, { cronExpression, timezone }) ?? [])
}

/** Whether its hours are not named. */
function isRepeating(expression: string): boolean {
  const fields = expression.trim().split(/\s+/)
  const hours = fields.length === 5 ? fields[1] : fields[2]
  return hours === undefined ? expression.trim().toLowerCase() === '@hourly' : hours.includes('*')
}

function noteOn({ atMs, before, after }: Change, { cronExpression, timezone }: CronRule): string | null {
  // As if the clock on the wall were that of UTC, which never changes: what the expression names of the hour that is skipped, or that
  // comes twice.
  const [from, to] = [atMs + Math.min(before, after) * MINUTE_MS, atMs + Math.max(before, after) * MINUTE_MS]
  const named = getNextCronOccurrence(cronExpression, 'UTC', new Date(from - 1))
  if (named === null || named.getTime() >= to) return null
  const [day, time] = [dayOf(named), clockOf(named, 'UTC')]
  if (after < before) return `On ${day} the clock shows ${time} twice; it runs the first time only.`
  const runs = getNextCronOccurrence(cronExpression, timezone, new Date(atMs - 1))
  // Where the skipped hour ends at midnight, the day is over before the clock goes on.
  const isMoved = runs?.getTime() === atMs
  return `On ${day} the clock skips ${time}; it ${isMoved ? `runs at ${clockOf(runs, timezone)}` : 'does not run then'}.`
}

/** Such as `Sunday 28 March 2027`, which no two versions of ICU put together alike. */
function dayOf(at: Date): string {
  const shown = new Intl.DateTimeFormat('en', {
    weekday: 'long',
    day: 'numeric',
    month: 'long',
    year: 'numeric',
    timeZone: 'UTC',
  })
  const parts = shown.formatToParts(at)
  return (['weekday', 'day', 'month', 'year'] as const)
    .map((wanted) => parts.find(({ type }) => type === wanted)?.value)
    .join(' ')
}

function clockOf(at: Date, timeZone: string): string {
  return new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone }).format(at)
}

function changesOf(timezone: string, from: Date): Change[] {
  const offsetAt = offsetsOf(timezone)
  const changes: Change[] = []
  let [low, before] = [from.getTime(), offsetAt(from.getTime())]
  for (let days = STEP_DAYS; days <= WITHIN_DAYS; days += STEP_DAYS) {
    const high = from.getTime() + days * DAY_MS
    const after = offsetAt(high)
    if (after !== before) changes.push({ atMs: changeBetween(low, high, offsetAt), before, after })
    ;[low, before] = [high, after]
  }
  return changes
}

/** The first minute of the new offset. */
function changeBetween(low: number, high: number, offsetAt: (ms: number) => number): number {
  const before = offsetAt(low)
  let [first, last] = [Math.floor(low / MINUTE_MS), Math.floor(high / MINUTE_MS)]
  while (last - first > 1) {
    const middle = Math.floor((first + last) / 2)
    if (offsetAt(middle * MINUTE_MS) === before) first = middle
    else last = middle
  }
  return last * MINUTE_MS
}

function offsetsOf(timeZone: string): (ms: number) => number {
  const format = new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' })
  return (ms) => {
    const name = format.formatToParts(ms).find(({ type }) => type === 'timeZoneName')?.value ?? ''
    const [, sign, hours, minutes] = /GMT([+-])(\d\d):(\d\d)/.exec(name) ?? []
    return sign === undefined ? 0 : (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes))
  }
}
