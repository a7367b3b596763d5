import { MillraceError, type MillraceErrorCode } from '../errors.ts'
import type { FailureReason } from '../model/job.ts'
import type { Outcome } from '../model/outcome.ts'
import type { SettleResult } from '../store/settle.ts'
import { callListener } from './events.ts'
import type { JobTracer } from './tracer.ts'

/** What an attempt is called in hooks; every `job.*` event but `job.added` carries it. */
interface AttemptFields {
  readonly jobId: number
  readonly jobType: string
  /** The attempt's number, counted from 1. */
  readonly attempt: number
  readonly workerId: string
}

/**
 * What happens inside Millrace, for logging, metrics and tracing. `docs/reference/hooks.md` is the same list as a table.
 * Durations are milliseconds of a clock that never steps back.
 */
export type HookEvent =
  /** Jobs were added by this process, in one statement. `jobIds` are those that are new; `counts`, how many of each type. */
  | {
      readonly type: 'job.added'
      readonly jobIds: readonly number[]
      readonly jobTypes: readonly string[]
      readonly counts: Readonly<Record<string, number>>
    }
  /** This worker has the lease; the handler has not been called. */
  | (AttemptFields & { readonly type: 'job.claimed'; readonly token: number })
  /** The handler is about to be called. `waitedMs` is the time since the claim. */
  | (AttemptFields & { readonly type: 'job.started'; readonly token: number; readonly waitedMs: number })
  /** The attempt is over and recorded; `'lost'`: it had lost its lease, and nothing was recorded. */
  | (AttemptFields & {
      readonly type: 'job.settled'
      readonly outcome: Outcome['kind']
      readonly result: SettleResult
      /** From the call of the handler to its end. */
      readonly durationMs: number
      readonly willRetry: boolean
      readonly reason?: FailureReason
      readonly error?: unknown
    })
  /** A claim came back, with or without jobs. */
  | {
      readonly type: 'claim'
      readonly workerId: string
      readonly requested: number
      readonly jobs: number
      readonly sweep: boolean
      readonly durationMs: number
    }
  /** A batch of settlements was recorded. */
  | {
      readonly type: 'settle'
      readonly workerId: string
      readonly settlements: number
      readonly lost: number
      readonly durationMs: number
    }
  | {
      readonly type: 'worker.started'
      readonly workerId: string
      readonly worker: number
      readonly concurrency: number
      readonly heartbeat: 'thread' | 'main'
    }
  /** The worker's row is gone. `handedBack` jobs were returned without using up an attempt. */
  | {
      readonly type: 'worker.stopped'
      readonly workerId: string
      readonly handedBack: number
      readonly durationMs: number
    }
  /** The lease was extended, by the worker itself or by its heartbeat thread. */
  | {
      readonly type: 'heartbeat'
      readonly workerId: string
      readonly by: 'thread' | 'main'
      readonly durationMs: number
    }
  /** The store gave this attempt away; the handler has been told by its signal. */
  | (AttemptFields & { readonly type: 'lease.lost'; readonly token: number })
  /** Leases of dead workers were taken back. */
  | { readonly type: 'rescue'; readonly jobs: number }
  /** Jobs whose time had come became ready. */
  | { readonly type: 'promote'; readonly jobs: number }
  /** A call to the store failed. `willRepeat`: it is repeated under the same token after `retryInMs`. */
  | {
      readonly type: 'store.error'
      readonly operation: string
      readonly error: unknown
      readonly code?: MillraceErrorCode
      readonly willRepeat: boolean
      readonly retryInMs?: number
    }
  /** One housekeeping task of the supervisor ended. `count` is what its return value says. */
  | {
      readonly type: 'maintenance'
      readonly task: string
      readonly count: number
      readonly durationMs: number
      readonly error?: unknown
    }
  /** Something works worse than it could, and how to mend it. Each `subject` once per process. */
  | { readonly type: 'notice'; readonly subject: string; readonly message: string }

export type HookEventType = HookEvent['type']

/** What `hooks.subscribe` takes. It should be quick; what it throws is contained. */
export type HookListener = (event: HookEvent) => unknown

/** What loggers, meters and tracers subscribe to. */
export interface MillraceHooks {
  /**
   * Calls `listener` with every event, in the middle of the work: it should be quick. What it throws is contained.
   *
   * @returns A function that ends the subscription.
   */
  subscribe(listener: HookListener): () => void
  /**
   * Surrounds adds, attempts and steps of this process with what `tracer` does. One at a time.
   *
   * @returns A function that takes it away.
   * @throws MillraceError `OPTION_INVALID` if there is one
   */
  trace(tracer: JobTracer): () => void
}

/**
 * The hooks of one queue. `isActive` is false while nobody listens; test it before building an event:
 * `if (hooks.isActive) hooks.emit({ … })`.
 */
export class Hooks implements MillraceHooks {
  #listeners: readonly HookListener[] = []
  #tracer: JobTracer | undefined
  readonly #onListenerError: (thrown: unknown) => void

  /** @param options - `onListenerError` gets what a listener throws or rejects with; default: it is dropped. */
  constructor(options: { readonly onListenerError?: (thrown: unknown) => void } = {}) {
    this.#onListenerError = options.onListenerError ?? (() => undefined)
  }

  get isActive(): boolean {
    return this.#listeners.length > 0
  }

  subscribe(listener: HookListener): () => void {
    // Wrapped, so that one function subscribed twice is two subscriptions.
    const subscribed: HookListener = (event) => listener(event)
    this.#listeners = [...this.#listeners, subscribed]
    return () => {
      this.#listeners = this.#listeners.filter((candidate) => candidate !== subscribed)
    }
  }

  /** Absent while nobody traces. */
  get tracer(): JobTracer | undefined {
    return this.#tracer
  }

  trace(tracer: JobTracer): () => void {
    if (this.#tracer !== undefined) {
      const remedy = 'End the other with the function that `trace` answered'
      throw new MillraceError('OPTION_INVALID', `This queue has a tracer already. ${remedy}.`, {
        details: { field: 'tracer', remedy },
      })
    }
    this.#tracer = tracer
    return () => {
      if (this.#tracer === tracer) this.#tracer = undefined
    }
  }

  /** Calls the listeners in the order of subscription. Never throws. */
  emit(event: HookEvent): void {
    for (const listener of this.#listeners) callListener(listener, event, this.#failed)
  }

  readonly #failed = (thrown: unknown): void => {
    try {
      this.#onListenerError(thrown)
    } catch {
      // There is nobody left to tell.
    }
  }
}
