/**
 * What a queue tells its own process, as it happens. History for everybody is in `getJobEvents`; logging and telemetry
 * subscribe to the hooks (`observe/hooks.ts`).
 */
export interface QueueEventMap {
  'job:added': { readonly jobId: number; readonly jobType: string }
  'job:processing': { readonly jobId: number; readonly jobType: string }
  'job:completed': { readonly jobId: number; readonly jobType: string }
  'job:failed': {
    readonly jobId: number
    readonly jobType: string
    readonly error: Error
    /** Whether another attempt follows. */
    readonly willRetry: boolean
  }
  'job:cancelled': { readonly jobId: number }
  'job:retried': { readonly jobId: number }
  'job:waiting': { readonly jobId: number; readonly jobType: string }
  'job:progress': { readonly jobId: number; readonly progress: number }
  'job:output': { readonly jobId: number; readonly output: unknown }
  error: Error
}

/** What can be listened to. */
export type QueueEventName = keyof QueueEventMap

/** What `on` and `once` take. What it throws is emitted as `error`. */
export type QueueEventListener<K extends QueueEventName> = (data: QueueEventMap[K]) => unknown

/** How a queue tells of an event. */
export type QueueEmitFn = <K extends QueueEventName>(event: K, data: QueueEventMap[K]) => void

export interface QueueEventsOptions {
  /**
   * Last resort for what a listener threw: called when nobody listens to `error`, or when that listener throws itself.
   * Default: `console.error`.
   */
  readonly onListenerError?: (error: unknown) => void
}

interface Subscription<K extends QueueEventName> {
  readonly listener: QueueEventListener<K>
  readonly once: boolean
}

type Subscriptions = { [K in QueueEventName]?: readonly Subscription<K>[] | undefined }

/**
 * The typed listeners of one queue. A listener can neither change nor delay what becomes of a job: what it throws, or
 * rejects with, is emitted as `error`. An `error` that nobody listens to is dropped, never thrown.
 */
export class QueueEvents {
  // Arrays are replaced, never changed, so that a listener may add and remove listeners while it is being called.
  readonly #subscriptions: Subscriptions = {}
  readonly #onListenerError: (error: unknown) => void

  constructor(options: QueueEventsOptions = {}) {
    this.#onListenerError = options.onListenerError ?? printError
  }

  /** Whether anybody listens; ask before building the data of an event on a hot path. */
  hasListeners(event: QueueEventName): boolean {
    return this.#subscriptions[event] !== undefined
  }

  /** Calls `listener` every time `event` is emitted, in the order of registration. */
  on<K extends QueueEventName>(event: K, listener: QueueEventListener<K>): void {
    this.#add(event, { listener, once: false })
  }

  /** Calls `listener` the next time only. */
  once<K extends QueueEventName>(event: K, listener: QueueEventListener<K>): void {
    this.#add(event, { listener, once: true })
  }

  /** Removes the latest registration of `listener`, of `on` or `once`; without one, nothing happens. */
  off<K extends QueueEventName>(event: K, listener: QueueEventListener<K>): void {
    const subscription = this.#subscriptions[event]?.findLast((candidate) => candidate.listener === listener)
    if (subscription !== undefined) this.#remove(event, subscription)
  }

  /** Removes the listeners of `event`, or of all events. */
  removeAllListeners(event?: QueueEventName): void {
    if (event === undefined) {
      for (const name of QUEUE_EVENT_NAMES) this.#subscriptions[name] = undefined
    } else {
      this.#subscriptions[event] = undefined
    }
  }

  /** Calls the listeners, one after the other. Never throws. */
  emit<K extends QueueEventName>(event: K, data: QueueEventMap[K]): void {
    const subscriptions: readonly Subscription<K>[] | undefined = this.#subscriptions[event]
    if (subscriptions === undefined) return
    for (const subscription of subscriptions) {
      if (subscription.once && !this.#remove(event, subscription)) continue
      callListener(subscription.listener, data, (thrown) => this.#listenerFailed(event, thrown))
    }
  }

  #listenerFailed(event: QueueEventName, thrown: unknown): void {
    if (event !== 'error' && this.hasListeners('error')) {
      this.emit('error', asError(thrown))
      return
    }
    try {
      this.#onListenerError(thrown)
    } catch {
      // There is nobody left to tell.
    }
  }

  #add<K extends QueueEventName>(event: K, subscription: Subscription<K>): void {
    const before: readonly Subscription<K>[] | undefined = this.#subscriptions[event]
    const subscriptions: { [P in K]?: readonly Subscription<P>[] | undefined } = this.#subscriptions
    subscriptions[event] = before === undefined ? [subscription] : [...before, subscription]
  }

  #remove<K extends QueueEventName>(event: K, subscription: Subscription<K>): boolean {
    const before: readonly Subscription<K>[] | undefined = this.#subscriptions[event]
    if (before === undefined || !before.includes(subscription)) return false
    const after = before.filter((candidate) => candidate !== subscription)
    const subscriptions: { [P in K]?: readonly Subscription<P>[] | undefined } = this.#subscriptions
    subscriptions[event] = after.length === 0 ? undefined : after
    return true
  }
}

/** Every event there is. */
export const QUEUE_EVENT_NAMES: readonly QueueEventName[] = [
  'job:added',
  'job:processing',
  'job:completed',
  'job:failed',
  'job:cancelled',
  'job:retried',
  'job:waiting',
  'job:progress',
  'job:output',
  'error',
]

/**
 * Calls a listener so that nothing it does reaches the caller: what it throws, now or by the promise it returns, goes
 * to `onFailure`.
 */
export function callListener<T>(listener: (data: T) => unknown, data: T, onFailure: (thrown: unknown) => void): void {
  try {
    const result = listener(data)
    // Only what can be a thenable is waited for: most listeners return nothing.
    if (typeof result === 'object' && result !== null) Promise.resolve(result).then(undefined, onFailure)
  } catch (thrown) {
    onFailure(thrown)
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error('A listener threw something that is no Error.', { cause: thrown })
}

function printError(error: unknown): void {
  // oxlint-disable-next-line no-console -- The last resort: a queue without any listener has no other voice.
  console.error(error)
}
