/**
 * How a process takes part in one embedded database.
 *
 * Joining: take the lock and own the database, or connect to whoever holds the lock. Owner and client: `connection()` is
 * at hand. Either goes back to joining when its connection is lost, which happens to clients when the owner ends, and to
 * an owner only when its thread dies. Closed: for good.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { isMillraceError, MillraceError } from 'millrace'
import { Connection, Moved } from './connection.ts'
import { linkToProcess } from './link.ts'
import { tryLock, type DirectoryLock, type LockAttempt } from './lock.ts'
import { startThread, type DatabaseThread } from './owner.ts'
import { removeOlderSockets, socketPathFor } from './socket-path.ts'
import type { UpkeepLimits } from './upkeep.ts'
import { PROTOCOL_VERSION } from './version.ts'

export interface MembershipOptions {
  /** Absolute, without links. */
  readonly dataDir: string
  readonly upkeep: UpkeepLimits
  readonly startTimeoutMs: number
  readonly onError: (error: Error) => void
  readonly onNotification: (channel: string, payload: string) => void
  /** A connection is there, the first or a later one. */
  readonly onJoined: (connection: Connection) => void
  readonly onLost: () => void
}

interface Held {
  readonly connection: Connection
  readonly owned: { readonly thread: DatabaseThread; readonly lock: DirectoryLock } | null
}

const RETRY_MS = 25
const HELLO_TIMEOUT_MS = 30_000
/** A statement that never ends would hold up the end of the process; the next start then recovers. */
const CLOSE_TIMEOUT_MS = 30_000

export class Membership {
  readonly #options: MembershipOptions
  readonly #closing = new AbortController()
  #held: Held | null = null
  #joining: Promise<void> | null = null
  /** Why the last attempt to join failed; the next caller tries again. */
  #failure: Error | null = null

  constructor(options: MembershipOptions) {
    this.#options = options
  }

  get role(): 'owner' | 'client' {
    return this.#held !== null && this.#held.owned !== null ? 'owner' : 'client'
  }

  /**
   * The connection to use now; waits for one at most `waitMs`.
   *
   * @throws MillraceError `STORE_UNAVAILABLE` if there is none in time, `QUEUE_CLOSED` after `close`, or why joining failed.
   */
  async connection(waitMs: number): Promise<Connection> {
    return this.#held?.connection.isOpen === true ? this.#held.connection : await this.#nextConnection(waitMs)
  }

  async #nextConnection(waitMs: number): Promise<Connection> {
    // A timer that keeps the process alive: joining by itself does not.
    const deadline = AbortSignal.any([this.#closing.signal, timeoutSignal(waitMs)])
    const keepAlive = setTimeout(() => undefined, waitMs)
    try {
      for (;;) {
        if (this.#closing.signal.aborted) throw closedError()
        if (this.#held?.connection.isOpen === true) return this.#held.connection
        if (deadline.aborted) throw this.#unavailableError(waitMs)
        // The owner is closing: its connection ends as soon as others may take over.
        if (this.#held !== null) await pauseUntil(RETRY_MS, deadline)
        else await settledOrAborted(this.#join(), deadline)
        if (this.#failure !== null && this.#held === null) throw this.#failure
      }
    } finally {
      clearTimeout(keepAlive)
    }
  }

  /** Leaves: a client disconnects, an owner hands over. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort(closedError())
    await this.#joining?.catch(() => undefined)
    const held = this.#held
    this.#held = null
    if (held?.owned === null) held.connection.end()
    if (held === null || held.owned === null) return
    const { thread, lock } = held.owned
    await settledOrAborted(thread.finish(), timeoutSignal(CLOSE_TIMEOUT_MS))
    // After a clean end it has let go of the directory, and a late request is still told to ask the next owner.
    if (thread.hasFinished()) lock.release()
    await thread.terminate()
    if (!thread.hasFinished()) lock.release()
  }

  /** One attempt at a time, however many wait for it. */
  #join(): Promise<void> {
    this.#failure = null
    this.#joining ??= this.#joinOnce()
      .catch((error: unknown) => {
        this.#failure = isMillraceError(error) ? error : unopenedError(this.#options.dataDir, error)
      })
      .finally(() => {
        this.#joining = null
      })
    return this.#joining
  }

  async #joinOnce(): Promise<void> {
    const { dataDir } = this.#options
    const giveUpAt = Date.now() + this.#options.startTimeoutMs
    while (!this.#closing.signal.aborted) {
      const attempt = tryLock(dataDir, (generation) => socketPathFor(dataDir, generation))
      if (attempt.kind === 'acquired') return this.#own(attempt.lock)
      if (await this.#follow(attempt)) return
      if (attempt.liveness === 'foreign') throw foreignError(dataDir, attempt)
      if (Date.now() > giveUpAt) throw unreachableError(dataDir, attempt)
      await pauseUntil(RETRY_MS, this.#closing.signal)
    }
  }

  async #own(lock: DirectoryLock): Promise<void> {
    const { dataDir, upkeep, startTimeoutMs, onError } = this.#options
    let thread: DatabaseThread
    try {
      thread = await startThread({
        dataDir,
        upkeep,
        startTimeoutMs,
        socketPath: lock.socketPath,
        onWarning: (message) => onError(new MillraceError('STORE_FAILED', message)),
      })
    } catch (error) {
      lock.release()
      throw error
    }
    removeOlderSockets(lock.socketPath)
    const connection = new Connection(thread.link, {
      onNotification: this.#options.onNotification,
      onLost: () => this.#lose(connection, lock),
    })
    this.#hold({ connection, owned: { thread, lock } })
  }

  /** Connects to the holder of the lock; false if it does not answer (yet). */
  async #follow({ holder }: Extract<LockAttempt, { kind: 'held' }>): Promise<boolean> {
    let connection: Connection
    try {
      const link = await linkToProcess(holder.socketPath)
      connection = new Connection(link, {
        onNotification: this.#options.onNotification,
        onLost: () => this.#lose(connection, null),
      })
    } catch {
      return false
    }
    try {
      const hello = { kind: 'hello', protocol: PROTOCOL_VERSION, pid: process.pid } as const
      await connection.ask(hello, HELLO_TIMEOUT_MS).answer
    } catch (error) {
      connection.end()
      if (isMillraceError(error, 'EMBEDDED_LOCKED')) throw error
      return false
    }
    this.#hold({ connection, owned: null })
    return true
  }

  #hold(held: Held): void {
    this.#held = held
    this.#options.onJoined(held.connection)
  }

  #lose(connection: Connection, lock: DirectoryLock | null): void {
    const isOurs = this.#held?.connection === connection
    if (!isOurs || this.#closing.signal.aborted) return
    this.#held = null
    // The thread is gone, so nothing of this process writes any more; the next owner recovers the directory.
    this.#release(lock)
    this.#options.onLost()
    // Whoever listens wants the connection back without asking.
    void this.#join()
  }

  #release(lock: DirectoryLock | null): void {
    try {
      lock?.release()
    } catch (error) {
      this.#options.onError(unopenedError(this.#options.dataDir, error))
    }
  }

  #unavailableError(waitMs: number): Error {
    const message = `The embedded database in ${this.#options.dataDir} has had no owner for ${waitMs} ms; the statement was not run`
    return this.#failure ?? new MillraceError('STORE_UNAVAILABLE', message)
  }
}

/** Whether a request was refused because it belongs to the next owner. */
export function isMoved(error: unknown): boolean {
  return error instanceof Moved
}

function closedError(): MillraceError {
  return new MillraceError('QUEUE_CLOSED', 'The embedded database has been closed')
}

function timeoutSignal(milliseconds: number): AbortSignal {
  return AbortSignal.timeout(Math.max(0, Math.ceil(milliseconds)))
}

async function pauseUntil(milliseconds: number, signal: AbortSignal): Promise<void> {
  await pause(milliseconds, undefined, { signal, ref: false }).catch(() => undefined)
}

async function settledOrAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => {
    const done = (): void => {
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done, { once: true })
    void work.finally(done)
  })
}

function unopenedError(dataDir: string, cause: unknown): MillraceError {
  return new MillraceError(
    'STORE_UNAVAILABLE',
    `The embedded database in ${dataDir} cannot be opened: ${String(cause)}`,
    { cause },
  )
}

function foreignError(dataDir: string, { holder, path }: Extract<LockAttempt, { kind: 'held' }>): MillraceError {
  const remedy = `Stop it there; if that machine or container is gone for good, delete ${path}`
  const message = `${dataDir} is in use by process ${holder.pid} of ${holder.host}, in another machine or container. ${remedy}`
  return new MillraceError('EMBEDDED_LOCKED', message, { details: { field: 'dataDir', value: dataDir, remedy } })
}

function unreachableError(dataDir: string, { holder, path }: Extract<LockAttempt, { kind: 'held' }>): MillraceError {
  const remedy = `Stop process ${holder.pid}, or use another \`dataDir\`; if ${holder.pid} is some other program, delete ${path}`
  const message = `${dataDir} is in use by process ${holder.pid}, which does not answer at ${holder.socketPath}. ${remedy}`
  return new MillraceError('EMBEDDED_LOCKED', message, { details: { field: 'dataDir', value: dataDir, remedy } })
}
