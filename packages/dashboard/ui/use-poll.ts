import { useCallback, useEffect, useRef, useState } from 'react'
import { get, problemOf } from './api.ts'
import { liveStream } from './live.ts'

export interface Polled<T> {
  readonly data: T | null
  readonly error: Error | null
  /** Asks again at once. */
  readonly refresh: () => void
}

interface Answer<T> {
  readonly path: string | null
  readonly data: T | null
  readonly error: Error | null
}

/** Where nothing is pushed. */
const EVERY_MS = 3000

/** Asks once, then follows what the server pushes; where it cannot, asks again and again. Only while the page is looked at. */
export function useLive<T>(path: string | null): Polled<T> {
  return useAsked<T>(path, EVERY_MS, true)
}

/** Asks again and again while the page is looked at, one request at a time. `everyMs` 0: once. */
export function usePoll<T>(path: string | null, everyMs: number): Polled<T> {
  return useAsked<T>(path, everyMs, false)
}

function useAsked<T>(path: string | null, everyMs: number, isPushed: boolean): Polled<T> {
  const [answer, setAnswer] = useState<Answer<T>>({ path: null, data: null, error: null })
  const again = useRef<() => void>(() => undefined)

  useEffect(() => {
    if (path === null) return undefined
    const asking = new Asking<T>(path, {
      everyMs,
      isPushed,
      onData: (data) => setAnswer({ path, data, error: null }),
      onError: (error) => setAnswer((before) => ({ path, data: before.path === path ? before.data : null, error })),
    })
    again.current = asking.ask
    return () => asking.stop()
  }, [path, everyMs, isPushed])

  const refresh = useCallback(() => again.current(), [])
  const isCurrent = answer.path === path
  return { data: isCurrent ? answer.data : null, error: isCurrent ? answer.error : null, refresh }
}

interface AskingOptions<T> {
  readonly everyMs: number
  readonly isPushed: boolean
  readonly onData: (data: T) => void
  readonly onError: (error: Error) => void
}

class Asking<T> {
  readonly #path: string
  readonly #options: AskingOptions<T>
  readonly #ended = new AbortController()
  readonly #unwatch: () => void
  #timer: ReturnType<typeof setTimeout> | undefined
  #isAsking = false
  /** Whether something was pushed since the request under way began, which may know less. */
  #isOvertaken = false

  constructor(path: string, options: AskingOptions<T>) {
    this.#path = path
    this.#options = options
    this.#unwatch = options.isPushed ? this.#watch() : () => undefined
    if (options.everyMs > 0) document.addEventListener('visibilitychange', this.#onVisible)
    this.ask()
  }

  /** Now, unless a request is under way. */
  readonly ask = (): void => {
    if (this.#isAsking || this.#ended.signal.aborted) return
    this.#isAsking = true
    this.#isOvertaken = false
    clearTimeout(this.#timer)
    void this.#request()
  }

  stop(): void {
    this.#ended.abort()
    this.#unwatch()
    clearTimeout(this.#timer)
    document.removeEventListener('visibilitychange', this.#onVisible)
  }

  async #request(): Promise<void> {
    const { onData, onError, everyMs } = this.#options
    try {
      const data = await get<T>(this.#path, this.#ended.signal)
      if (!this.#ended.signal.aborted && !this.#isOvertaken) onData(data)
    } catch (error) {
      const told = error instanceof Error ? error : new Error(String(error))
      if (!this.#ended.signal.aborted && !this.#isOvertaken) onError(told)
    }
    this.#isAsking = false
    if (everyMs > 0 && !document.hidden && !liveStream.isLive(this.#path) && !this.#ended.signal.aborted)
      this.#timer = setTimeout(this.ask, everyMs)
  }

  #watch(): () => void {
    const { onData, onError } = this.#options
    return liveStream.watch(this.#path, {
      onAnswer: (answer) => {
        this.#isOvertaken = true
        // What a path answers is said by whoever asks for it, as for `get`.
        if (answer.status === 200) onData(answer.body as T)
        else onError(problemOf(answer))
      },
      onLive: (isLive) => {
        clearTimeout(this.#timer)
        if (!isLive && !document.hidden) this.#timer = setTimeout(this.ask, this.#options.everyMs)
      },
    })
  }

  readonly #onVisible = (): void => {
    if (!document.hidden) this.ask()
  }
}
