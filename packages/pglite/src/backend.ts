/**
 * The one PostgreSQL session inside PGlite, driven by protocol messages. Every call is synchronous: WASM runs on this
 * thread, so there is nothing to await and nothing can come between.
 */
import type { PGlite } from '@electric-sql/pglite'
import type { Parameter } from './protocol.ts'
import { openPGlite } from './synced-files.ts'
import { PreparedStatements } from './prepared.ts'
import { encodeExecution, encodeParse, encodeScript, guardCopy, outline, type Outline } from './wire.ts'

/** PostgreSQL's answer as it came, and what it says at a glance. */
export interface BackendAnswer extends Outline {
  readonly bytes: Uint8Array<ArrayBuffer>
}

interface BackendOptions {
  readonly directory: string
  /** Calls with every notification of a channel that was listened to. */
  readonly onNotification: (channel: string, payload: string) => void
  /** Calls when the session can no longer be used, from wherever that shows. Must end the thread: see {@link guard}. */
  readonly onBroken: (reason: string) => void
}

/** How PGlite's PostgreSQL returns to its main loop after an error; every other exception is an end of the session. */
const MAIN_LOOP_JUMP = 100

export class Backend {
  readonly #pglite: PGlite
  readonly #options: BackendOptions
  readonly #prepared = new PreparedStatements()

  private constructor(pglite: PGlite, options: BackendOptions) {
    this.#pglite = pglite
    this.#options = options
  }

  /** Opens an initialised data directory, recovering what an unclean end left. Rejects with what PostgreSQL logged. */
  static async open(options: BackendOptions): Promise<Backend> {
    const log: string[] = []
    const keepLast = (line: string): void => {
      log.push(line)
      if (log.length > 50) log.shift()
    }
    try {
      const pglite = await openPGlite(options.directory, keepLast)
      guard(pglite, (reason) => options.onBroken(`${reason}; ${log.at(-1) ?? ''}`))
      return new Backend(pglite, options)
    } catch (error) {
      const reason = log.filter((line) => /FATAL|PANIC|ERROR/.test(line)).at(-1) ?? String(error)
      throw new Error(reason, { cause: error })
    }
  }

  /** One statement; outside a transaction it is prepared when it comes again. */
  run(text: string, values: readonly Parameter[], inTransaction: boolean): BackendAnswer {
    // Inside a transaction a stale plan could not be retried, so it always goes through the unnamed statement.
    const plan = inTransaction ? { name: '', prefix: encodeParse('', text) } : this.#prepared.plan(text)
    const answer = this.#exchange(guardCopy(text, Buffer.concat([plan.prefix, encodeExecution(plan.name, values)])))
    if (plan.name === '') return answer
    if (answer.isPrepared) this.#prepared.confirm(text, plan.name)
    if (answer.sqlstate === null || !this.#prepared.isStale(answer.sqlstate)) return answer
    // It failed before it ran, because a table changed or the statement was deallocated; nothing has happened.
    this.#prepared.forgetAll()
    return this.#exchange(Buffer.concat([encodeParse('', text), encodeExecution('', values)]))
  }

  /** Several statements, in one transaction unless they say otherwise. */
  script(text: string): BackendAnswer {
    return this.#exchange(encodeScript(text))
  }

  get wasmBytes(): number {
    return this.#pglite.Module['HEAPU8'].byteLength
  }

  /** Writes a checkpoint and ends the session, so that the next start has nothing to recover. */
  async close(): Promise<void> {
    this.script('checkpoint')
    await this.#pglite.close()
  }

  #exchange(request: Uint8Array): BackendAnswer {
    const chunks: Buffer<ArrayBuffer>[] = []
    const onRawData = (chunk: Uint8Array): void => {
      chunks.push(Buffer.from(chunk.slice().buffer))
    }
    // It does all its work before its first await; the promise only carries an error.
    this.#pglite.execProtocolRawStream(request, { syncToFs: false, onRawData }).catch((error: unknown) => {
      this.#options.onBroken(String(error))
    })
    const bytes = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)
    const seen = outline(bytes)
    for (const { channel, payload } of seen.notifications) this.#options.onNotification(channel, payload)
    if (seen.status === '?') this.#options.onBroken('The session did not finish an answer')
    return { ...seen, bytes: ownBytes(bytes) }
  }
}

/**
 * Reports every exception that leaves WASM, other than PostgreSQL's own way back to its main loop. PGlite swallows them and
 * goes on with a session that may hold locks or half a change, or calls a dead one for ever.
 */
function guard(pglite: PGlite, onBroken: (reason: string) => void): void {
  const exports: Record<string, unknown> = pglite.Module
  for (const name of ['_PostgresMainLoopOnce', '_PostgresMainLongJmp']) {
    const run = exports[name]
    if (typeof run !== 'function') throw new Error(`This PGlite has no ${name}`)
    exports[name] = () => {
      try {
        return run()
      } catch (error) {
        if (!isMainLoopJump(error)) onBroken(String(error))
        throw error
      }
    }
  }
}

function isMainLoopJump(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'status' in error && error.status === MAIN_LOOP_JUMP
}

/** Bytes that alone own their memory, so that it can be handed to another thread. */
function ownBytes(bytes: Buffer<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return bytes.buffer.byteLength === bytes.byteLength ? new Uint8Array(bytes.buffer) : new Uint8Array(bytes)
}
