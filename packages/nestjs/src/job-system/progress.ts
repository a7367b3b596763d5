import { MillraceError } from 'millrace'
import type { UpdateFn } from './job-handler.ts'

/** What `new Progress` takes. */
export interface ProgressOptions {
  /** At most one update is stored in so many milliseconds; the beginning and end of a phase always are. Default 1000. */
  readonly throttleMs?: number | undefined
  /** The time in milliseconds, for tests. Default `performance.now`. */
  readonly now?: (() => number) | undefined
}

/**
 * The progress of a job of several phases, each with its weight, so that a handler says how far it is within a phase only:
 *
 *     const progress = new Progress(update, { download: 1, convert: 3 })
 *     await progress.start('download')
 *     await progress.update(0.5, 'half of it')
 *
 * How long the rest will take follows from the time taken so far.
 */
export class Progress<Phase extends string = string> {
  readonly #update: UpdateFn
  readonly #phases: readonly (readonly [Phase, number])[]
  readonly #total: number
  readonly #throttleMs: number
  readonly #now: () => number
  readonly #startedAt: number
  #lastAt = Number.NEGATIVE_INFINITY
  #phase = 0
  #within = 0

  /** @throws MillraceError `OPTION_INVALID` unless there is a phase and all weights are positive */
  constructor(update: UpdateFn, phases: Readonly<Record<Phase, number>>, options: ProgressOptions = {}) {
    this.#update = update
    this.#phases = entries(phases)
    this.#total = this.#phases.reduce((sum, [, weight]) => sum + weight, 0)
    for (const [phase, weight] of this.#phases) {
      if (!(weight > 0 && Number.isFinite(weight))) throw refused(`phases.${phase}`, weight, 'a positive number')
    }
    if (this.#phases.length === 0) throw refused('phases', phases, 'an object with a weight for each phase')
    this.#throttleMs = options.throttleMs ?? 1000
    this.#now = options.now ?? (() => performance.now())
    this.#startedAt = this.#now()
  }

  /** How far the whole job is, 0 to 1. */
  get fraction(): number {
    const before = this.#phases.slice(0, this.#phase).reduce((sum, [, weight]) => sum + weight, 0)
    const current = this.#phases[this.#phase]?.[1] ?? 0
    return Math.min(1, (before + current * this.#within) / this.#total)
  }

  /** How long the rest will take at the speed so far, in milliseconds; `undefined` before there is any. */
  get timeToCompleteMs(): number | undefined {
    const { fraction } = this
    const elapsedMs = this.#now() - this.#startedAt
    return fraction > 0 && elapsedMs > 0 ? Math.round((elapsedMs * (1 - fraction)) / fraction) : undefined
  }

  /** Begins a phase; those before it are done. */
  async start(phase: Phase, message: string = phase): Promise<void> {
    const index = this.#phases.findIndex(([name]) => name === phase)
    if (index < 0) throw refused('phase', phase, `one of ${this.#phases.map(([name]) => name).join(', ')}`)
    this.#phase = index
    this.#within = 0
    await this.#send(message)
  }

  /** Says how far the current phase is, 0 to 1. Called too often, most calls store nothing. */
  async update(fraction: number, message?: string): Promise<void> {
    if (typeof fraction !== 'number' || Number.isNaN(fraction))
      throw refused('fraction', fraction, 'a number from 0 to 1')
    this.#within = Math.min(1, Math.max(0, fraction))
    if (this.#now() - this.#lastAt >= this.#throttleMs) await this.#send(message)
  }

  /** Ends the current phase. */
  async complete(message?: string): Promise<void> {
    this.#within = 1
    await this.#send(message)
  }

  /** Ends the last phase, and with it the job. */
  async finish(message?: string): Promise<void> {
    this.#phase = this.#phases.length - 1
    await this.complete(message)
  }

  async #send(message: string | undefined): Promise<void> {
    this.#lastAt = this.#now()
    await this.#update(this.fraction, message, this.timeToCompleteMs)
  }
}

function entries<Phase extends string>(phases: Readonly<Record<Phase, number>>): (readonly [Phase, number])[] {
  // What `Object.entries` answers, with the names the object has.
  return Object.entries(phases) as [Phase, number][]
}

function refused(field: string, value: unknown, expected: string): MillraceError {
  return new MillraceError('OPTION_INVALID', `\`${field}\` of Progress must be ${expected}; got ${String(value)}.`, {
    details: { field, value, remedy: `Give ${expected}` },
  })
}
