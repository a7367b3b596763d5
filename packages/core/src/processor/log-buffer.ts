import type { Clock, Timer } from '../model/clock.ts'
import type { NewLogLine } from '../model/log.ts'
import type { ClaimedJob } from '../store/claim.ts'
import type { LogEntry, LogStore } from '../store/logs.ts'

/** Lines wait so long for others to go with, unless their attempt ends. */
const FLUSH_MS = 100
/** After a failed write. */
const RETRY_MS = 1000
/** So many lines go at once, without waiting. */
const FLUSH_LINES = 500
/** Of one job; what the store keeps. */
const MOST_OF_JOB = 1000
/** Of all jobs, while the store takes none. */
const MOST_WAITING = 10_000

export interface LogBufferOptions {
  readonly store: Pick<LogStore, 'writeLogs'>
  readonly clock: Clock
  readonly onError: (error: unknown) => void
}

interface Waiting {
  readonly job: Pick<ClaimedJob, 'id' | 'token' | 'attempt'>
  lines: NewLogLine[]
  dropped: number
}

/**
 * What the handlers of one worker log, on its way to the store: one call at a time, which takes along whatever all of them have said
 * meanwhile. A store that fails is asked again later; what then becomes too much is dropped and counted, since a log must not fail
 * a job, nor fill the memory.
 */
export class LogBuffer {
  readonly #options: LogBufferOptions
  #waiting = new Map<string, Waiting>()
  #lines = 0
  #isFailing = false
  #isClosed = false
  #timer: Timer | undefined
  #sending: Promise<void> | undefined

  constructor(options: LogBufferOptions) {
    this.#options = options
  }

  add(job: ClaimedJob, line: NewLogLine): void {
    const waiting = this.#of(job)
    if (this.#lines >= MOST_WAITING) {
      waiting.dropped += 1
      return
    }
    waiting.lines.push(line)
    this.#lines += 1
    this.#shorten(waiting)
    if (this.#lines >= FLUSH_LINES && !this.#isFailing) void this.flush()
    else this.#arm(this.#isFailing ? RETRY_MS : FLUSH_MS)
  }

  /** Resolves once what was added has been sent, well or not. */
  flush(): Promise<void> {
    if (this.#waiting.size === 0) return this.#sending ?? Promise.resolve()
    return (this.#sending ??= this.#sendAll())
  }

  /** Sends what is left, and nothing by itself from now on. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#timer?.cancel()
    await this.flush()
  }

  #of(job: Waiting['job']): Waiting {
    const key = `${job.id}:${job.token}`
    const known = this.#waiting.get(key)
    if (known !== undefined) return known
    const waiting: Waiting = { job, lines: [], dropped: 0 }
    this.#waiting.set(key, waiting)
    return waiting
  }

  #shorten(waiting: Waiting): void {
    const over = waiting.lines.length - MOST_OF_JOB
    if (over <= 0) return
    waiting.lines.splice(0, over)
    waiting.dropped += over
    this.#lines -= over
  }

  #arm(delayMs: number): void {
    if (this.#isClosed) return
    this.#timer ??= this.#options.clock.after(delayMs, () => {
      this.#timer = undefined
      void this.flush()
    })
  }

  async #sendAll(): Promise<void> {
    let isGoing = true
    while (isGoing && this.#waiting.size > 0) isGoing = await this.#send()
    this.#sending = undefined
    if (this.#waiting.size === 0) return
    this.#timer?.cancel()
    this.#timer = undefined
    this.#arm(RETRY_MS)
  }

  /** Whether it is worth going on at once. */
  async #send(): Promise<boolean> {
    const { store, clock, onError } = this.#options
    const batch = [...this.#waiting.values()]
    this.#waiting = new Map()
    this.#lines = 0
    const now = clock.now()
    try {
      const results = await store.writeLogs({ entries: batch.map((waiting) => entry(waiting, now)) })
      const busy = batch.filter((_, at) => results[at] === 'busy')
      this.#putBack(busy)
      this.#isFailing = false
      return busy.length === 0
    } catch (error) {
      this.#putBack(batch)
      this.#isFailing = true
      onError(error)
      return false
    }
  }

  /** Before what came since. */
  #putBack(batch: readonly Waiting[]): void {
    for (const { job, lines, dropped } of batch) {
      const waiting = this.#of(job)
      const room = Math.max(0, MOST_WAITING - this.#lines)
      const kept = lines.slice(Math.max(0, lines.length - room))
      waiting.lines = [...kept, ...waiting.lines]
      waiting.dropped += dropped + lines.length - kept.length
      this.#lines += kept.length
      this.#shorten(waiting)
    }
  }
}

function entry({ job: { id, token, attempt }, lines, dropped }: Waiting, now: number): LogEntry {
  return {
    id,
    token,
    attempt,
    dropped,
    lines: lines.map(({ loggedAt, level, message, fields }) => ({ agoMs: now - loggedAt, level, message, fields })),
  }
}
