import type { Connection } from './connection.ts'

/** One `listen` call. */
export interface Subscription {
  readonly channel: string
  readonly onNotify: (payload: string) => void
  readonly onReconnect: () => void
  readonly onError: (error: Error) => void
  readonly signal: AbortSignal
}

const ASK_MS = 30_000

/**
 * Who wants which notifications in this process. A new connection is told again what is wanted; since some may have been
 * missed in between, every subscriber learns of it.
 */
export class Subscriptions {
  readonly #byChannel = new Map<string, Set<Subscription>>()

  /** Resolves once `connection` delivers. */
  async add(subscription: Subscription, connection: Connection): Promise<void> {
    const { channel, signal } = subscription
    if (signal.aborted) return
    const others = this.#byChannel.get(channel) ?? new Set()
    this.#byChannel.set(channel, others.add(subscription))
    signal.addEventListener('abort', () => void this.#remove(subscription), { once: true })
    await this.#ask('listen', channel, connection)
    this.#connection = connection
  }

  /** The latest connection; only asked to stop delivering, so a lost one does no harm. */
  #connection: Connection | null = null

  deliver(channel: string, payload: string): void {
    for (const subscription of this.#byChannel.get(channel) ?? []) subscription.onNotify(payload)
  }

  /** Asks a new connection for everything that is wanted. */
  async renew(connection: Connection): Promise<void> {
    this.#connection = connection
    for (const [channel, subscriptions] of this.#byChannel) {
      try {
        await this.#ask('listen', channel, connection)
        for (const subscription of subscriptions) subscription.onReconnect()
      } catch (error) {
        // A connection lost again renews again.
        this.report(error instanceof Error ? error : new Error(String(error)))
      }
    }
  }

  report(error: Error): void {
    for (const subscriptions of this.#byChannel.values()) for (const { onError } of subscriptions) onError(error)
  }

  async #remove(subscription: Subscription): Promise<void> {
    const others = this.#byChannel.get(subscription.channel)
    others?.delete(subscription)
    if (others === undefined || others.size > 0) return
    this.#byChannel.delete(subscription.channel)
    if (this.#connection?.isOpen !== true) return
    // Not worth an error: a notification nobody wants is dropped.
    await this.#ask('unlisten', subscription.channel, this.#connection).catch(() => undefined)
  }

  async #ask(kind: 'listen' | 'unlisten', channel: string, connection: Connection): Promise<void> {
    await connection.ask({ kind, channel, timeoutMs: ASK_MS }, ASK_MS).answer
  }
}
