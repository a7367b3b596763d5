import { MillraceError } from 'millrace'
import type { Redis } from 'ioredis'
import { type Script, scripts } from './generated/lua.ts'
import { isReply, timeLimit, toStoreError } from './store-error.ts'

/** What goes to a script. */
export type Argument = string | number

const DEFAULT_TIMEOUT_MS = 30_000

/** How long a command waits for a connection before it is given up unsent. */
const CONNECT_LIMIT_MS = 10_000

/**
 * One instance on a server: its prefix, and a connection that runs its scripts. A command is sent once: when the connection breaks
 * before the answer, it rejects with `outcome: 'unknown'`, and whoever sent it knows how to find out.
 */
export class RedisInstance {
  readonly prefix: string
  readonly #client: Redis
  readonly #underWay = new Set<(error: Error) => void>()
  #lastError: Error | undefined
  #isClosed = false
  /** Whether the server at the other end of this very connection is known to give no number out again; see `resume.lua`. */
  #isResumed = false
  #resuming: Promise<void> | undefined

  /** @param client - Without an offline queue and without resending; see `open.ts`. */
  constructor(client: Redis, prefix: string) {
    this.#client = client
    this.prefix = prefix
    client.on('error', (error: Error) => {
      this.#lastError = error
    })
    client.on('close', () => {
      const lost = this.#lastError ?? new Error('the connection was closed')
      for (const reject of this.#underWay) reject(lost)
      this.#underWay.clear()
    })
    client.on('ready', () => {
      this.#lastError = undefined
      this.#isResumed = false
      this.#resuming = undefined
    })
  }

  get client(): Redis {
    return this.#client
  }

  /** Runs a script by its hash; a server that does not know it (any more) is sent the text. */
  async run(script: Script, args: readonly Argument[] = [], timeoutMs: number = DEFAULT_TIMEOUT_MS): Promise<unknown> {
    if (!this.#isReady) await this.#connected(script.name)
    try {
      return await this.#evaluate(script, args, timeoutMs)
    } catch (error) {
      if (!isUnknownScript(error)) throw toStoreError(error, script.name, 'sent')
    }
    return this.command(script.name, () => this.#client.call('eval', [script.text, 1, this.prefix, ...args]), timeoutMs)
  }

  #evaluate(script: Script, args: readonly Argument[], timeoutMs: number): Promise<unknown> {
    return this.#send(script.name, timeoutMs, () => this.#client.call('evalsha', [script.sha, 1, this.prefix, ...args]))
  }

  /** Runs a plain command. */
  async command<T>(name: string, send: () => Promise<T>, timeoutMs: number = DEFAULT_TIMEOUT_MS): Promise<T> {
    if (!this.#isReady) await this.#connected(name)
    try {
      return await this.#send(name, timeoutMs, send)
    } catch (error) {
      throw toStoreError(error, name, 'sent')
    }
  }

  /** Once: ioredis waits two seconds for the end of a connection that has ended already. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#client.disconnect()
  }

  get #isReady(): boolean {
    return this.#client.status === 'ready' && this.#isResumed
  }

  async #connected(operation: string): Promise<void> {
    while (!this.#isReady) {
      if (this.#isClosed || this.#client.status === 'end')
        throw new MillraceError('STORE_UNAVAILABLE', 'The connection to Redis has been closed.', {
          details: { outcome: 'none' },
        })
      try {
        if (this.#client.status === 'ready') await (this.#resuming ??= this.#resume())
        else await this.#becomesReady()
      } catch (error) {
        throw toStoreError(error, operation, 'unsent')
      }
    }
  }

  /** Those who wait for the same connection wait for one call. */
  async #resume(): Promise<void> {
    const { resume } = scripts
    let isLost = false
    const lost = (): void => void (isLost = true)
    this.#client.once('close', lost)
    try {
      await this.#evaluate(resume, [], DEFAULT_TIMEOUT_MS).catch((error: unknown) => {
        if (!isUnknownScript(error)) throw error
        return this.#send(resume.name, DEFAULT_TIMEOUT_MS, () =>
          this.#client.call('eval', [resume.text, 1, this.prefix]),
        )
      })
      if (!isLost) this.#isResumed = true
    } finally {
      this.#client.off('close', lost)
      if (!isLost) this.#resuming = undefined
    }
  }

  #becomesReady(): Promise<void> {
    const client = this.#client
    return new Promise((resolve, reject) => {
      const end = (act: () => void): void => {
        clearTimeout(timer)
        client.off('ready', onReady).off('error', onError).off('close', onClose)
        act()
      }
      const onReady = (): void => end(resolve)
      const onError = (error: Error): void => end(() => reject(error))
      const onClose = (): void => end(() => reject(this.#lastError ?? new Error('the connection was closed')))
      const timer = setTimeout(
        () => end(() => reject(new Error(`no connection within ${CONNECT_LIMIT_MS} ms`))),
        CONNECT_LIMIT_MS,
      )
      client.on('ready', onReady).on('error', onError).on('close', onClose)
      // What it rejects with comes as an event too.
      if (client.status === 'wait') client.connect().catch(() => undefined)
    })
  }

  #send<T>(name: string, timeoutMs: number, send: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const fail = (error: unknown): void => {
        clearTimeout(timer)
        this.#underWay.delete(fail)
        reject(error instanceof Error ? error : new Error(String(error)))
      }
      const timer = setTimeout(() => {
        fail(timeLimit(name, timeoutMs))
        // A host that lost its power closes no connection; another may serve in its place by now.
        if (this.#client.status === 'ready') this.#client.disconnect(true)
      }, timeoutMs)
      this.#underWay.add(fail)
      send().then((answer) => {
        clearTimeout(timer)
        this.#underWay.delete(fail)
        resolve(answer)
      }, fail)
    })
  }
}

function isUnknownScript(error: unknown): boolean {
  return isReply(error) && error instanceof Error && error.message.startsWith('NOSCRIPT')
}
