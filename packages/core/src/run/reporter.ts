import { MillraceError } from '../errors.ts'
import { encodeOutput } from '../model/codec.ts'
import type { SettleResult } from '../store/settle.ts'

/** What one report can say; absent fields say nothing. */
export interface ReportValues {
  readonly progress?: number
  /** JSON text. */
  readonly output?: string
  readonly prolongedMs?: number
}

export interface ReporterOptions {
  readonly send: (values: ReportValues) => Promise<SettleResult>
  /** A report was stored. */
  readonly onStored: (values: ReportValues) => void
  /** The store refused a report: the attempt no longer holds its lease. */
  readonly onLost: () => void
  /** The store failed; the value goes out again with the next report, the output at the latest with the outcome. */
  readonly onError: (error: unknown) => void
}

interface Batch {
  values: ReportValues
  readonly promise: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/**
 * Sends what an attempt reports, at most one report at a time: what is said meanwhile waits in one batch, in which the
 * last value of each kind wins. A promise resolves once a value at least as new is stored; a report that the store
 * fails to take resolves as well, since progress must not fail a job that is doing fine.
 */
export class Reporter {
  readonly #options: ReporterOptions
  #stored: ReportValues = {}
  #sending: Batch | undefined
  #waiting: Batch | undefined
  #loop: Promise<void> | undefined
  #output: string | undefined
  #closed: MillraceError | undefined

  constructor(options: ReporterOptions) {
    this.#options = options
  }

  /** Rejects with `OPTION_INVALID` unless `percent` is within 0 to 100, with `LEASE_LOST` after the end. */
  progress(percent: number): Promise<void> {
    if (!(percent >= 0 && percent <= 100)) {
      const details = { field: 'percent', value: percent }
      return rejection(new MillraceError('OPTION_INVALID', 'Progress must be between 0 and 100', { details }))
    }
    const progress = Math.round(percent)
    return this.#report({ progress }, (values) => values.progress, progress)
  }

  /** Rejects with `OUTPUT_INVALID` if `value` is no JSON. */
  output(value: unknown): Promise<void> {
    let output: string
    try {
      output = encodeOutput(value) ?? 'null'
    } catch (error) {
      return rejection(error)
    }
    if (this.#closed === undefined) this.#output = output
    return this.#report({ output }, (values) => values.output, output)
  }

  prolonged(ms: number): void {
    if (this.#closed === undefined) void this.#enqueue({ prolongedMs: ms })
  }

  /** Whether an output was reported, stored or not. */
  get hasOutput(): boolean {
    return this.#output !== undefined
  }

  /** The last output, unless the store is known to have it. */
  get unstoredOutput(): string | undefined {
    return this.#output === this.#stored.output ? undefined : this.#output
  }

  /** Resolves when nothing is under way; `undefined` if that is so already. */
  get idle(): Promise<void> | undefined {
    return this.#loop
  }

  /** Nothing is sent from now on: calls, and what waits to be sent, reject with `error`. */
  close(error: MillraceError): void {
    if (this.#closed !== undefined) return
    this.#closed = error
    this.#waiting?.reject(error)
    this.#waiting = undefined
  }

  #report<V>(values: ReportValues, pick: (values: ReportValues) => V | undefined, value: V): Promise<void> {
    if (this.#closed !== undefined) return rejection(this.#closed)
    const waiting = this.#waiting === undefined ? undefined : pick(this.#waiting.values)
    if (waiting === undefined) {
      const sending = this.#sending === undefined ? undefined : pick(this.#sending.values)
      if (this.#sending !== undefined && sending === value) return this.#sending.promise
      if (sending === undefined && pick(this.#stored) === value) return Promise.resolve()
    }
    return this.#enqueue(values)
  }

  #enqueue(values: ReportValues): Promise<void> {
    const batch = (this.#waiting ??= createBatch())
    batch.values = { ...batch.values, ...values }
    this.#loop ??= this.#sendAll()
    return batch.promise
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting !== undefined) {
      const batch = this.#waiting
      this.#waiting = undefined
      this.#sending = batch
      await this.#sendOne(batch)
      this.#sending = undefined
    }
    this.#loop = undefined
  }

  async #sendOne(batch: Batch): Promise<void> {
    try {
      if ((await this.#options.send(batch.values)) === 'lost') {
        batch.reject(leaseLost())
        // After the end a refusal is no news: the settlement has taken the lease away.
        if (this.#closed === undefined) this.#options.onLost()
        return
      }
      this.#stored = { ...this.#stored, ...batch.values }
      this.#options.onStored(batch.values)
    } catch (error) {
      this.#options.onError(error)
      // After the end it will not go out again: whoever still waits must not take it for stored.
      if (this.#closed !== undefined) {
        batch.reject(this.#closed)
        return
      }
    }
    batch.resolve()
  }
}

/** The error a handler gets for whatever it says after its attempt was given to somebody else. */
export function leaseLost(): MillraceError {
  return new MillraceError('LEASE_LOST', 'this attempt has lost its lease; nothing it does has an effect any more')
}

/** The error for what is said after the handler has decided. */
export function attemptOver(): MillraceError {
  return new MillraceError('LEASE_LOST', 'this attempt is over; nothing its handler does has an effect any more')
}

function createBatch(): Batch {
  let resolve = (): void => undefined
  let reject = (_error: Error): void => undefined
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  return { values: {}, promise: handled(promise), resolve, reject }
}

function rejection(error: unknown): Promise<never> {
  return handled(Promise.reject(error))
}

/**
 * Whoever awaits it still sees the rejection, but `void ctx.setProgress(50)` in a handler that has lost its lease must not
 * end the whole process as an unhandled rejection.
 */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined)
  return promise
}
