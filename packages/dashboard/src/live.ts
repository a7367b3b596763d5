/** Between two readings of what is watched. */
const EVERY_MS = 1000
/** After a reading nothing is read for so many times what it took: all who watch together cost at most 1/71 of one connection. */
const REST = 70
/** A reading that ran into a time limit is no reason to look away for minutes. */
const LONGEST_REST_MS = 15_000

/** Streams at once; a browser has one for each tab that is looked at. */
const MAX_STREAMS = 100

/** What the API answers to a path. */
export interface Reading {
  readonly status: number
  readonly body: unknown
}

interface Feed {
  readonly read: () => Promise<Reading>
  readonly listeners: Set<(reading: Reading) => void>
  latest: Reading | null
  /** Of the latest, to tell whether the next is another. */
  text: string
  dueAt: number
}

/**
 * Reads what is watched again and again, one after the other, and tells when it is another than before. Whoever watches the
 * same shares its readings, so that the database has the same work whether one looks or a hundred; nothing is read while nobody does.
 */
export class Live {
  readonly #feeds = new Map<string, Feed>()
  #isRunning = false
  #restsUntil = 0
  #streams = 0
  #wake: (() => void) | null = null

  /** @returns Gives up the place for a stream that it takes; `null` if there is none. */
  enter(): (() => void) | null {
    if (this.#streams >= MAX_STREAMS) return null
    this.#streams += 1
    return () => void (this.#streams -= 1)
  }

  /**
   * @param key - Whatever the answer depends on, who asks included.
   * @param read - Never rejects.
   * @returns Ends it.
   */
  watch(key: string, read: Feed['read'], listener: (reading: Reading) => void): () => void {
    const feed = this.#feeds.get(key) ?? { read, listeners: new Set(), latest: null, text: '', dueAt: 0 }
    this.#feeds.set(key, feed)
    feed.listeners.add(listener)
    if (feed.latest !== null) listener(feed.latest)
    if (this.#isRunning) this.#wake?.()
    else void this.#run()
    return () => {
      feed.listeners.delete(listener)
      if (feed.listeners.size === 0 && this.#feeds.get(key) === feed) this.#feeds.delete(key)
      this.#wake?.()
    }
  }

  /** After a change: reads everything again without waiting for its time. */
  hurry(): void {
    for (const feed of this.#feeds.values()) feed.dueAt = 0
    this.#wake?.()
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    for (let feed = this.#next(); feed !== null; feed = this.#next()) {
      const pauseMs = Math.max(feed.dueAt, this.#restsUntil) - performance.now()
      if (pauseMs > 0) await this.#pause(pauseMs)
      else await this.#look(feed)
    }
    this.#isRunning = false
  }

  #next(): Feed | null {
    let next: Feed | null = null
    for (const feed of this.#feeds.values()) if (next === null || feed.dueAt < next.dueAt) next = feed
    return next
  }

  async #look(feed: Feed): Promise<void> {
    const startedAt = performance.now()
    const reading = await feed.read()
    const endedAt = performance.now()
    feed.dueAt = endedAt + EVERY_MS
    this.#restsUntil = endedAt + Math.min((endedAt - startedAt) * REST, LONGEST_REST_MS)
    const text = JSON.stringify(reading)
    if (feed.text === text) return
    feed.text = text
    feed.latest = reading
    for (const listener of feed.listeners) listener(reading)
  }

  async #pause(pauseMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, pauseMs)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#wake = null
  }
}
