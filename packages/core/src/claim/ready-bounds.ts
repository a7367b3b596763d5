import type { ClaimedJob, ExchangeResult, ReadyBound } from '../store/claim.ts'

/** What takes the store longer than this is nothing to wait for beside. */
const LONG_MS = 10

/** How far a bound trails what was claimed: a transaction that commits its jobs later than this is found by a sweep. */
const TRAIL_MS = 500

/** Sweeps take at most this share of the time. */
const SWEEP_SHARE = 0.05

/** And so much those looks of a worker of some types that go through what it has left to others. */
const WIDE_SHARE = 0.1

/** Between them it looks at what came since: how far such a look trails the end of the one before. */
const NARROW_TRAIL_MS = 25

/** More levels than this are not worth a probe each. */
const MAX_LEVELS = 16

interface Level {
  readonly priority: number
  /** Where claims start now. */
  bound: number
  /** Highest positions claimed, with the time of each; those older than `TRAIL_MS` become the bound. */
  readonly claimed: { readonly at: number; readonly seq: number }[]
  /** For a worker of some types: up to here a claim found all there was. Becomes the bound once a claim sent later than `TRAIL_MS` has found all too. */
  emptied?: { readonly at: number; readonly seq: number }
  /** Where looks that found all there was have ended, oldest first; only those that `NARROW_TRAIL_MS` still asks for. */
  readonly ends: { readonly at: number; readonly seq: number }[]
  /** How long the last look from the bound took. */
  wideMs: number
  /** Until then looks start at such an end instead of the bound, because of that. */
  narrowUntil: number
}

/**
 * Where claims look in the ready index. A claim that starts at the head steps over every dead entry that vacuum has not
 * removed; while a long transaction pins them that costs more with each job done. So claims start, per priority level, a
 * little below what was claimed half a second ago, and a sweep of everything comes now and then: at least every
 * `sweepEveryMs`, and more seldom when sweeps are expensive.
 *
 * Levels become known by a sweep, or by a wake-up that names them. Beyond 16 of them bounds do not pay and every claim is
 * a sweep.
 */
export class ReadyBounds {
  readonly #sweepEveryMs: number
  #levels: Level[] = []
  #isMany = false
  #mustSweep = true
  #sweptAt = Number.NEGATIVE_INFINITY
  #sweepCostMs = 0

  /** @param options - `sweepEveryMs`: the longest that a job below the bounds waits, when sweeps are cheap. */
  constructor(options: { readonly sweepEveryMs: number }) {
    this.#sweepEveryMs = options.sweepEveryMs
  }

  /** Where a claim sent now should look. An answer of `'sweep'` counts as sent. */
  next(now: number): 'sweep' | readonly ReadyBound[] {
    if (this.#isSweepDue(now)) {
      this.#sweptAt = now
      this.#mustSweep = false
      return 'sweep'
    }
    return this.#levels.map((level) => {
      while (level.claimed.length > 1 && (level.claimed[1]?.at ?? now) <= now - TRAIL_MS) level.claimed.shift()
      const oldest = level.claimed[0]
      if (oldest !== undefined && oldest.at <= now - TRAIL_MS) level.bound = Math.max(level.bound, oldest.seq)
      return { priority: level.priority, fromSeq: now < level.narrowUntil ? narrowBound(level, now) : level.bound }
    })
  }

  /** Whether `next` asks for a look that took the store long the last time. */
  isLong(now: number): boolean {
    if (this.#isSweepDue(now)) return this.#sweepCostMs > LONG_MS
    return this.#levels.some(({ wideMs, narrowUntil }) => wideMs > LONG_MS && now >= narrowUntil)
  }

  #isSweepDue(now: number): boolean {
    const everyMs = Math.max(this.#sweepEveryMs, this.#sweepCostMs / SWEEP_SHARE)
    return this.#mustSweep || this.#isMany || now - this.#sweptAt >= everyMs
  }

  /** The next claim looks everywhere: a sweep failed, or somebody gained jobs nobody knows where. */
  sweepAgain(): void {
    this.#mustSweep = true
  }

  /** A sweep came back with the levels that have more, and where the first job of each stands. */
  swept({ levels, looked }: Pick<ExchangeResult, 'levels' | 'looked'>, costMs: number): void {
    if (levels === undefined) return
    this.#sweepCostMs = costMs
    this.#isMany = levels === 'many'
    if (levels === 'many') {
      this.#levels = []
      return
    }
    const old = this.#levels
    this.#levels = levels.map((first) => {
      const level = old.find(({ priority }) => priority === first.priority) ?? newLevel(first.priority)
      return { ...level, bound: firstPlace(first, looked, level.bound) }
    })
    // A level that is empty now stays where it stands: its next job will be above everything claimed so far.
    for (const level of old) {
      if (level.claimed.length > 0 && this.#levels.length < MAX_LEVELS && !this.#find(level.priority))
        this.#levels.push(level)
    }
    this.#sort()
  }

  /** Jobs were claimed; in the order of the claim. */
  claimed(jobs: readonly ClaimedJob[], now: number): void {
    for (let at = 0; at < jobs.length;) {
      const priority = jobs[at]?.priority ?? 0
      let highest = 0
      for (; jobs[at]?.priority === priority; at++) highest = Math.max(highest, jobs[at]?.readySeq ?? 0)
      noteClaim(this.#level(priority), highest, now)
    }
  }

  /** A claim of some types found all there was at the levels it was sent to. `top`, `lookMs`: as in `ExchangeResult`. */
  exhausted(
    from: 'sweep' | readonly ReadyBound[],
    {
      top,
      lookMs = 0,
      sentAt,
      now,
    }: { readonly top: number; readonly lookMs?: number; readonly sentAt: number; readonly now: number },
  ): void {
    for (const level of this.#levels) {
      const start = from === 'sweep' ? 0 : from.find(({ priority }) => priority === level.priority)?.fromSeq
      if (start === undefined) continue
      noteEnd(level, top, now)
      // It says nothing about what lies below where it began.
      if (start > level.bound) continue
      if (from !== 'sweep') level.wideMs = lookMs
      level.narrowUntil = from === 'sweep' ? now : now + Math.min(TRAIL_MS, lookMs / WIDE_SHARE)
      const { emptied } = level
      if (emptied !== undefined && sentAt < emptied.at + TRAIL_MS) continue
      if (emptied !== undefined) level.bound = Math.max(level.bound, emptied.seq)
      level.emptied = { at: now, seq: top }
    }
  }

  /** These levels gained jobs; none named: any may have. */
  woken(priorities: readonly number[]): void {
    if (priorities.length === 0 || this.#levels.length + priorities.length > MAX_LEVELS) this.#mustSweep = true
    else for (const priority of priorities) this.#level(priority)
  }

  #find(priority: number): Level | undefined {
    return this.#levels.find((level) => level.priority === priority)
  }

  #level(priority: number): Level {
    const known = this.#find(priority)
    if (known) return known
    const level = newLevel(priority)
    this.#levels.push(level)
    this.#sort()
    return level
  }

  #sort(): void {
    this.#levels.sort((a, b) => b.priority - a.priority)
  }
}

function newLevel(priority: number): Level {
  return { priority, bound: 0, claimed: [], ends: [], wideMs: 0, narrowUntil: Number.NEGATIVE_INFINITY }
}

/** Where the newest look ended of those that are long enough ago. What commits later than that is found from the bound. */
function narrowBound({ bound, ends }: Level, now: number): number {
  dropOldEnds(ends, now)
  const [oldest] = ends
  return oldest !== undefined && oldest.at <= now - NARROW_TRAIL_MS ? Math.max(bound, oldest.seq) : bound
}

function noteEnd({ ends }: Level, seq: number, now: number): void {
  // Here too: a worker whose looks are never expensive asks for none of them, and they would pile up.
  dropOldEnds(ends, now)
  ends.push({ at: now, seq })
}

/** Keeps the newest of those that are long enough ago, and what came since. */
function dropOldEnds(ends: Level['ends'], now: number): void {
  while (ends.length > 1 && (ends[1]?.at ?? now) <= now - NARROW_TRAIL_MS) ends.shift()
}

/** Where a level begins after a sweep: at its first job, or for a worker of some types behind those of others. */
function firstPlace({ priority, fromSeq }: ReadyBound, looked: ExchangeResult['looked'], bound: number): number {
  if (looked === undefined) return fromSeq
  if ('top' in looked) return Math.max(bound, fromSeq)
  return looked.past.find((level) => level.priority === priority)?.fromSeq ?? fromSeq
}

/** Claims that follow closely on each other count as one, at the time of the first. */
function noteClaim({ claimed }: Level, highest: number, now: number): void {
  const last = claimed.at(-1)
  const isClose = last !== undefined && now - last.at < TRAIL_MS / 16
  if (isClose) claimed.pop()
  claimed.push({ at: isClose ? last.at : now, seq: Math.max(last?.seq ?? 0, highest) })
}
