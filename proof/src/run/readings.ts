import { setTimeout as sleep } from 'node:timers/promises'
import { monotonicMs, type Recorder } from '../history/recorder.ts'
import type { Backend } from './backend.ts'
import { sizesOf } from './sizes.ts'

const CLOCK_EVERY_MS = 1000
const SIZES_EVERY_MS = 10_000

/**
 * Reads the database's clock now and then, so that its times can be told from the machine's, and the sizes of its tables, so that
 * what grows is seen.
 */
export class Readings implements AsyncDisposable {
  readonly #stop = new AbortController()
  readonly #ended: Promise<unknown>
  readonly #backend: Backend
  readonly #recorder: Recorder

  constructor(backend: Backend, recorder: Recorder) {
    this.#backend = backend
    this.#recorder = recorder
    this.#ended = Promise.all([
      this.#every(CLOCK_EVERY_MS, () => this.readClock()),
      this.#every(SIZES_EVERY_MS, () => this.#readSizes()),
    ])
  }

  async readClock(): Promise<void> {
    const sentAt = monotonicMs()
    // While the server is down there is no clock to read.
    const dbMs = await this.#backend.clock().catch(() => undefined)
    if (dbMs !== undefined) this.#recorder.record({ type: 'db-clock', sentAt, dbMs })
  }

  async #readSizes(): Promise<void> {
    const { database } = this.#backend
    if (database === undefined) return
    const sizes = await sizesOf(database).catch(() => undefined)
    if (sizes === undefined) return
    this.#recorder.record({ type: 'sizes', tables: sizes.liveTables, indexes: sizes.liveIndexes })
  }

  async #every(pauseMs: number, act: () => Promise<void>): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      await act()
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#ended
  }
}
