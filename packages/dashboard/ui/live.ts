import { base } from './api.ts'

/** What a stream says of a path. */
export interface LiveAnswer {
  readonly status: number
  readonly body: unknown
}

interface Watcher {
  readonly onAnswer: (answer: LiveAnswer) => void
  /** Whether answers come by themselves from now on, or have to be asked for again. */
  readonly onLive: (isLive: boolean) => void
}

/** A screen's parts come one after the other; one connection for all of them. */
const SETTLE_MS = 150
/** After the server would not have one more. */
const AGAIN_MS = 30_000

/**
 * One stream for everything that the page shows, while it is looked at. Where there is none, such as behind a proxy that keeps answers
 * back, its users ask again and again.
 */
class LiveStream {
  readonly #watchers = new Map<string, Set<Watcher>>()
  #source: EventSource | null = null
  /** Of the stream, as it was asked for. */
  #query = ''
  #paths: ReadonlySet<string> = new Set()
  #timer: ReturnType<typeof setTimeout> | undefined
  #isLive = false

  constructor() {
    document.addEventListener('visibilitychange', () => this.#later(0))
  }

  watch(path: string, watcher: Watcher): () => void {
    const watchers = this.#watchers.get(path) ?? new Set()
    this.#watchers.set(path, watchers)
    watchers.add(watcher)
    this.#later(SETTLE_MS)
    return () => {
      watchers.delete(watcher)
      if (watchers.size === 0) this.#watchers.delete(path)
      this.#later(SETTLE_MS)
    }
  }

  /** Whether the stream that is open tells of this path. */
  isLive(path: string): boolean {
    return this.#isLive && this.#paths.has(path)
  }

  #later(delayMs: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#open(), delayMs)
  }

  #open(): void {
    const wanted = document.hidden ? [] : [...this.#watchers.keys()].toSorted()
    const query = wanted.map((path) => `path=${encodeURIComponent(path)}`).join('&')
    if (query === this.#query && this.#source?.readyState !== EventSource.CLOSED) return
    this.#source?.close()
    this.#source = null
    this.#query = query
    this.#paths = new Set(wanted)
    this.#told(false)
    if (query === '') return
    const source = new EventSource(`${base}/api/events?${query}`)
    this.#source = source
    source.addEventListener('open', () => this.#told(true))
    source.addEventListener('error', () => {
      if (this.#source !== source) return
      this.#told(false)
      // Else the browser connects anew by itself.
      if (source.readyState === EventSource.CLOSED) this.#later(AGAIN_MS)
    })
    source.addEventListener('message', ({ data }: MessageEvent<string>) => {
      const { path, ...answer }: LiveAnswer & { readonly path: string } = JSON.parse(data)
      for (const { onAnswer } of this.#watchers.get(path) ?? []) onAnswer(answer)
    })
  }

  #told(isLive: boolean): void {
    if (this.#isLive === isLive) return
    this.#isLive = isLive
    for (const watchers of this.#watchers.values()) for (const { onLive } of watchers) onLive(isLive)
  }
}

export const liveStream: LiveStream = new LiveStream()
