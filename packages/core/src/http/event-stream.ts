import { systemClock } from '../model/clock.ts'
import type { Timer } from '../model/clock.ts'

/** So that whoever stands between notices that the stream lives, and we that its reader does not. */
const PING_MS = 15_000
/** Whoever takes nothing for so many pings has gone. */
const MISSED_PINGS = 4
/** Then the browser asks anew, and is let in, or not, as everybody who asks. */
const LONGEST_MS = 5 * 60_000
const RETRY_MS = 2000

/** Sends data as JSON. What could not be sent before the next with the same `key` is passed over for it. */
export type SendEvent = (data: unknown, key?: string) => void

/** What `eventStream` takes. */
export interface EventStreamOptions {
  /** Of the request, where the framework aborts it when the reader goes; that the body is cancelled says the same. */
  readonly signal?: AbortSignal | undefined
  /**
   * Starts what sends; called once, before this returns. `end` closes the stream once all is sent.
   *
   * @returns Stops it; called once, whoever ended the stream.
   */
  readonly open: (send: SendEvent, end: () => void) => () => void
}

/**
 * A response of server-sent events. For a reader that is slow it holds one message of each key, no more; one that is gone is noticed
 * within a minute if its connection does not tell. After 5 minutes the stream ends, and the browser asks anew by itself.
 */
export function eventStream(options: EventStreamOptions): Response {
  return new Response(new EventStream(options).body, {
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      // Else nginx keeps it until it has enough of it.
      'x-accel-buffering': 'no',
    },
  })
}

class EventStream {
  readonly body: ReadableStream<Uint8Array>
  readonly #waiting = new Map<string, string>()
  readonly #encoder = new TextEncoder()
  readonly #signal: AbortSignal | undefined
  #ping: Timer
  readonly #last: Timer
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null
  #close: (() => void) | null = null
  #isEnding = false
  #missed = 0

  constructor({ open, signal }: EventStreamOptions) {
    this.#signal = signal
    this.body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller
        this.#write(`retry: ${RETRY_MS}\n\n`)
      },
      pull: () => this.#flush(),
      cancel: () => this.#stop(),
    })
    this.#ping = systemClock.after(PING_MS, this.#pinged)
    this.#last = systemClock.after(LONGEST_MS, this.#end)
    signal?.addEventListener('abort', this.#end)
    const close = open(
      (data, key = '') => {
        this.#waiting.set(key, JSON.stringify(data))
        this.#flush()
      },
      () => {
        this.#isEnding = true
        this.#flush()
      },
    )
    // It may have ended while it was opened.
    if (this.#controller === null) close()
    else this.#close = close
    if (signal?.aborted === true) this.#end()
  }

  #flush(): void {
    for (const [key, data] of this.#waiting) {
      if ((this.#controller?.desiredSize ?? 0) <= 0) return
      this.#waiting.delete(key)
      this.#write(`data: ${data}\n\n`)
    }
    if (this.#isEnding) this.#end()
  }

  #write(text: string): void {
    this.#missed = 0
    this.#controller?.enqueue(this.#encoder.encode(text))
  }

  readonly #pinged = (): void => {
    this.#ping = systemClock.after(PING_MS, this.#pinged)
    if ((this.#controller?.desiredSize ?? 0) > 0) return this.#write(':\n\n')
    this.#missed += 1
    if (this.#missed >= MISSED_PINGS) this.#end()
    return undefined
  }

  readonly #end = (): void => {
    const controller = this.#controller
    this.#stop()
    controller?.close()
  }

  #stop(): void {
    this.#controller = null
    this.#ping.cancel()
    this.#last.cancel()
    this.#signal?.removeEventListener('abort', this.#end)
    this.#waiting.clear()
    this.#close?.()
    this.#close = null
  }
}
