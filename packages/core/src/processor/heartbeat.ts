import { createRequire } from 'node:module'
import { Worker } from 'node:worker_threads'
import type { Clock, Timer } from '../model/clock.ts'
import type { HeartbeatTarget } from '../store/store.ts'
import { HEARTBEAT_SOURCE } from './heartbeat-thread.ts'

/** `'thread'` keeps a lease alive while a handler blocks the main thread; `'main'` relies on the worker's own beats. */
export type HeartbeatMode = 'thread' | 'main'

export interface HeartbeatOptions {
  /** Default `'thread'`. */
  readonly mode?: HeartbeatMode
  readonly clock: Clock
  /** The store has given the worker's leases away; called once per `start`, as soon as the main thread can be told. */
  readonly onLost: () => void
  /** The thread could not extend the lease (once per outage), or is no more. */
  readonly onError: (error: Error) => void
  /** The thread has extended the lease. */
  readonly onBeat?: (durationMs: number) => void
}

export interface HeartbeatStart {
  readonly target: HeartbeatTarget
  /** The worker's number, from `register`. */
  readonly worker: number
  readonly leaseMs: number
}

/** Places in the memory shared with the thread: milliseconds of `process.hrtime`, 0 for none. */
const SLOT = {
  /** When the main thread last extended the lease. */
  beat: 0,
  /** When the first running attempt's time limit and grace are over. */
  deadline: 1,
  /** When the main thread was last seen at work. */
  tick: 2,
  /** 1 once the store has given the leases away. */
  lost: 3,
  /** When the last beat of the thread that was answered had been sent. */
  threadBeat: 4,
} as const

/** The main thread extends the lease every third of it; the thread steps in when that is this late. */
const SLACK_MS = 500

/** How long a thread that has been told to stop may take to close its connection. */
const STOP_LIMIT_MS = 1_000

/**
 * Extends a worker's lease when the main thread is too busy to do it: a second thread watches when the main thread last
 * did (`beaten`), and does it itself once that is overdue or has `failed`, over its own connection.
 *
 * It looks away from a main thread that has not moved (`tick`) since a job's time limit and grace ran out (`setDeadline`):
 * such a handler blocks for good, and its lease must expire. With mode `'main'` every method does nothing.
 *
 * The one part of the worker that is not driven by `Clock` alone: whether a thread is blocked shows in real time only.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions
  #mode: HeartbeatMode
  #shared = sharedMemory()
  #thread: Worker | undefined

  constructor(options: HeartbeatOptions) {
    this.#options = options
    this.#mode = options.mode ?? 'thread'
  }

  /** What it does now: `'main'` also after `start` has found that no thread can work here. */
  get mode(): HeartbeatMode {
    return this.#mode
  }

  /** Whether the thread has found the leases given away; known here even before `onLost` can be called. */
  get isLost(): boolean {
    return Atomics.load(this.#shared, SLOT.lost) === 1n
  }

  /** How long ago the thread sent the last beat that was answered; `null` if there was none since `start`. */
  get threadBeatAgeMs(): number | null {
    const sentAt = Atomics.load(this.#shared, SLOT.threadBeat)
    return sentAt === 0n ? null : Number(monotonicMs() - sentAt)
  }

  /** Begins to watch, counting from now as the first beat. Never keeps the process alive. */
  start({ target, worker, leaseMs }: HeartbeatStart): void {
    if (this.#mode === 'main' || this.#thread !== undefined) return
    const pgPath = target.driver === undefined ? this.#findDriver() : ''
    if (pgPath === undefined) return
    this.#shared = sharedMemory()
    this.beaten()
    this.tick()
    const thread = new Worker(HEARTBEAT_SOURCE, {
      eval: true,
      name: 'millrace heartbeat',
      workerData: {
        pgPath,
        driver: target.driver,
        connection: target.connection,
        statement: `select ${quoted(target.schema)}.heartbeat($1::bigint, $2::integer) as alive`,
        worker,
        leaseMs,
        dueMs: Math.ceil(leaseMs / 3) + SLACK_MS,
        slots: SLOT,
        memory: this.#shared.buffer,
      },
    })
    thread.on('message', (message: ThreadMessage) => {
      if (this.#thread === thread) this.#receive(message)
    })
    thread.once('error', (error: Error) => this.#options.onError(error))
    thread.once('exit', () => {
      if (this.#thread === thread) this.#thread = undefined
    })
    thread.unref()
    this.#thread = thread
  }

  /** Says that the main thread has just extended the lease. */
  beaten(): void {
    Atomics.store(this.#shared, SLOT.beat, monotonicMs())
  }

  /** Says that the main thread could not extend the lease: the thread need not wait until that shows. */
  failed(): void {
    this.#thread?.postMessage({ kind: 'failed' })
  }

  /** Says that the main thread is at work; to be called at least once a second. */
  tick(): void {
    Atomics.store(this.#shared, SLOT.tick, monotonicMs())
  }

  /**
   * Says when the main thread must have moved again.
   *
   * @param inMs - From now until the earliest end of a running attempt's time limit and grace; `null` for no such limit.
   */
  setDeadline(inMs: number | null): void {
    const deadline = inMs === null ? 0n : monotonicMs() + BigInt(Math.ceil(Math.min(inMs, Number.MAX_SAFE_INTEGER)))
    Atomics.store(this.#shared, SLOT.deadline, deadline)
  }

  /** Ends the thread and its connection; `start` may follow. */
  async stop(): Promise<void> {
    const thread = this.#thread
    if (thread === undefined) return
    this.#thread = undefined
    let limit: Timer | undefined
    await new Promise<void>((resolve) => {
      thread.once('exit', () => resolve())
      limit = this.#options.clock.after(STOP_LIMIT_MS, () => void thread.terminate())
      // Referenced again: a process that awaits this must not end before the connection is closed.
      thread.ref()
      thread.postMessage({ kind: 'stop' })
    })
    limit?.cancel()
  }

  #receive(message: ThreadMessage): void {
    switch (message.kind) {
      case 'beat':
        this.#options.onBeat?.(message.durationMs)
        break
      case 'lost':
        this.#options.onLost()
        break
      case 'error':
        this.#options.onError(new Error(`the heartbeat thread could not extend the lease: ${message.message}`))
        break
    }
  }

  /** The thread loads the driver by its path, since it has no place of its own to look it up from. */
  #findDriver(): string | undefined {
    try {
      return createRequire(import.meta.url).resolve('pg')
    } catch (cause) {
      this.#mode = 'main'
      this.#options.onError(
        new Error('no heartbeat thread: the package `pg` cannot be found from here; was it bundled?', { cause }),
      )
      return undefined
    }
  }
}

type ThreadMessage =
  | { readonly kind: 'beat'; readonly durationMs: number }
  | { readonly kind: 'lost' }
  | { readonly kind: 'error'; readonly message: string }

function sharedMemory(): BigInt64Array<SharedArrayBuffer> {
  return new BigInt64Array(new SharedArrayBuffer(8 * Object.keys(SLOT).length))
}

function monotonicMs(): bigint {
  return process.hrtime.bigint() / 1_000_000n
}

function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`
}
