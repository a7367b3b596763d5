/**
 * Calls `onChange` whenever it may be worth asking again; the answer ends that. While it has said `onOpen(true)`, nothing is missed, and
 * polling is seldom.
 */
export type Subscribe = (onChange: () => void, onOpen: (isOpen: boolean) => void) => () => void

/** What is known. */
export interface PollState<T> {
  readonly data: T | null
  /** Whether no answer has come yet. */
  readonly isLoading: boolean
  /** Why the last request failed; `null` once one has succeeded. */
  readonly error: Error | null
}

export interface PollOptions<T> {
  readonly fetch: (signal: AbortSignal) => Promise<T>
  /** Between an answer and the next request, in milliseconds. */
  readonly intervalMs: number
  /** Whether the answer is the last one that is wanted. */
  readonly isFinal: (data: T) => boolean
  /** Push from the server, beside polling. */
  readonly subscribe?: Subscribe | undefined
  /** What tells whether anybody looks. Default: the document. */
  readonly visibility?: Visibility | undefined
}

/** As a `document` is. */
export interface Visibility {
  readonly hidden: boolean
  addEventListener(type: 'visibilitychange', listener: () => void): void
  removeEventListener(type: 'visibilitychange', listener: () => void): void
}

const LONGEST_PAUSE_MS = 30_000

/**
 * Asks again and again until the answer is final: one request at a time, seldom while requests fail, not at all while the page is
 * hidden. Independent of React, which only watches it.
 */
export class Poll<T> {
  readonly #options: PollOptions<T>
  readonly #listeners = new Set<() => void>()
  readonly #aborter = new AbortController()
  readonly #visibility: Visibility | undefined
  #state: PollState<T> = { data: null, isLoading: true, error: null }
  #timer: ReturnType<typeof setTimeout> | undefined
  #unsubscribe: (() => void) | undefined
  #isAsking = false
  #isWantedAgain = false
  #isDone = false
  #isPushed = false
  #failures = 0

  constructor(options: PollOptions<T>) {
    this.#options = options
    this.#visibility = options.visibility ?? (typeof document === 'undefined' ? undefined : document)
  }

  /** The same object until something changes. */
  get state(): PollState<T> {
    return this.#state
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  start(): void {
    this.#visibility?.addEventListener('visibilitychange', this.#onVisibility)
    this.#subscribe()
    this.ask()
  }

  /** Nothing changes any more; a request under way is aborted, and its answer passed over. */
  stop(): void {
    this.#isDone = true
    clearTimeout(this.#timer)
    this.#unsubscribeNow()
    this.#visibility?.removeEventListener('visibilitychange', this.#onVisibility)
    this.#aborter.abort()
  }

  /** Asks now; if a request is under way, once more after it, since it may not have seen what changed. */
  ask(): void {
    if (this.#isDone) return
    if (this.#isAsking) {
      this.#isWantedAgain = true
      return
    }
    clearTimeout(this.#timer)
    this.#isAsking = true
    void this.#request()
  }

  async #request(): Promise<void> {
    try {
      const data = await this.#options.fetch(this.#aborter.signal)
      this.#failures = 0
      this.#answered({ data, isLoading: false, error: null })
      if (!this.#isDone && this.#options.isFinal(data)) this.stop()
    } catch (error) {
      this.#failures += 1
      const reason = error instanceof Error ? error : new Error(String(error))
      this.#answered({ data: this.#state.data, isLoading: false, error: reason })
    }
    this.#isAsking = false
    if (this.#isDone) return
    if (this.#isWantedAgain) {
      this.#isWantedAgain = false
      this.ask()
    } else {
      this.#askLater()
    }
  }

  #answered(state: PollState<T>): void {
    if (this.#isDone) return
    this.#state = state
    for (const listener of this.#listeners) listener()
  }

  #askLater(): void {
    if (this.#visibility?.hidden === true) return
    const { intervalMs } = this.#options
    const longestMs = Math.max(LONGEST_PAUSE_MS, intervalMs)
    const pauseMs =
      this.#isPushed && this.#failures === 0 ? longestMs : Math.min(intervalMs * 2 ** this.#failures, longestMs)
    this.#timer = setTimeout(() => this.ask(), pauseMs)
  }

  /** A stream is a connection, of which a browser has few: none for a page that nobody looks at. */
  #subscribe(): void {
    if (this.#visibility?.hidden === true) return
    this.#unsubscribe ??= this.#options.subscribe?.(
      () => this.ask(),
      (isOpen) => this.#pushed(isOpen),
    )
  }

  #unsubscribeNow(): void {
    this.#unsubscribe?.()
    this.#unsubscribe = undefined
    this.#isPushed = false
  }

  #pushed(isOpen: boolean): void {
    if (this.#isPushed === isOpen) return
    this.#isPushed = isOpen
    // What has happened until now is not pushed, or may have been missed.
    this.ask()
  }

  readonly #onVisibility = (): void => {
    if (this.#visibility?.hidden === true) {
      clearTimeout(this.#timer)
      this.#unsubscribeNow()
    } else {
      this.#subscribe()
      this.ask()
    }
  }
}
