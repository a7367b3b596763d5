const NUMBER = new Intl.NumberFormat('en')
const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' })

export function number(value: number): string {
  return NUMBER.format(value)
}

/** Such as `1 job`, `2,000 jobs`. */
export function jobs(count: number): string {
  return `${number(count)} ${count === 1 ? 'job' : 'jobs'}`
}

/** Such as `3 min`, `1.2 s`. */
export function duration(milliseconds: number): string {
  const seconds = milliseconds / 1000
  if (seconds < 1) return `${Math.round(milliseconds)} ms`
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 90) return `${Math.round(seconds)} s`
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`
  return `${Math.round(seconds / 86_400)} d`
}

/** Such as `3 min ago`, `in 2 h`. */
export function relative(iso: string, now: number = Date.now()): string {
  const distance = new Date(iso).getTime() - now
  if (Math.abs(distance) < 1500) return 'now'
  return distance < 0 ? `${duration(-distance)} ago` : `in ${duration(distance)}`
}

export function fullDate(iso: string): string {
  return DATE.format(new Date(iso))
}

/** By the clock of a time zone; by ours if the browser does not know it. */
export function dateIn(iso: string, timeZone: string): string {
  try {
    return new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short', timeZone }).format(
      new Date(iso),
    )
  } catch {
    return fullDate(iso)
  }
}

/** What `datetime-local` takes, in local time. */
export function localInput(iso: string): string {
  const date = new Date(iso)
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19)
}

/** What stands in a field of a form, without the space around it. */
export function fieldOf(form: FormData, name: string): string {
  const value = form.get(name)
  return typeof value === 'string' ? value.trim() : ''
}

/** Such as `1.2 GB`. */
export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const at = Math.min(units.length - 1, count < 1 ? 0 : Math.floor(Math.log2(count) / 10))
  const value = count / 1024 ** at
  return `${value < 10 && at > 0 ? value.toFixed(1) : number(Math.round(value))} ${units[at] ?? 'B'}`
}
