import { MillraceError } from 'millrace'
import type { Link } from './link.ts'
import type { Question, Reply } from './protocol.ts'

/** What answers a question. */
export type Answered = Extract<Reply, { kind: 'result' | 'memory' }>

interface Pending {
  readonly resolve: (reply: Answered) => void
  readonly reject: (error: Error) => void
  readonly timer: NodeJS.Timeout
}

/** Rejects a request that was not begun because the database has moved to another process: ask again there. */
export class Moved extends Error {
  override readonly name: string = 'Moved'
}

interface ConnectionHooks {
  readonly onNotification: (channel: string, payload: string) => void
  /** Called once, after everything pending was rejected. */
  readonly onLost: () => void
}

/**
 * Questions and answers over one link. Open → draining when the owner says that it is closing → lost when the link ends.
 * A question that waits keeps the process alive; an idle connection does not.
 */
export class Connection {
  readonly #link: Link
  readonly #pending = new Map<number, Pending>()
  #lastId = 0
  #isLost = false
  #isDraining = false
  #transactions = 0

  constructor(link: Link, hooks: ConnectionHooks) {
    this.#link = link
    link.onReply = (reply) => {
      if (reply.kind === 'notification') hooks.onNotification(reply.channel, reply.payload)
      else if (reply.kind === 'closing') this.#drain()
      else this.#settle(reply)
    }
    link.onEnd = () => {
      this.#isLost = true
      for (const [id, pending] of this.#pending) {
        this.#forget(id, pending)
        pending.reject(lostError())
      }
      hooks.onLost()
    }
    link.hold(false)
  }

  /** Whether new questions may be asked here. */
  get isOpen(): boolean {
    return !this.#isLost && !this.#isDraining
  }

  /**
   * Asks, and waits for the answer at most `timeoutMs`.
   *
   * @throws Moved if it was not begun and must be asked elsewhere.
   * @throws MillraceError `STORE_TIMEOUT` or `STORE_UNAVAILABLE`; the outcome is then unknown.
   */
  ask(question: Question, timeoutMs: number): Asked {
    this.#lastId += 1
    const id = this.#lastId
    const answer = new Promise<Answered>((resolve, reject) => {
      if (this.#isLost) return reject(new Moved())
      const timer = setTimeout(() => this.#giveUp(id, timeoutMs), timeoutMs)
      this.#pending.set(id, { resolve, reject, timer })
      if (this.#pending.size === 1) this.#link.hold(true)
      this.#link.send({ ...question, id })
    })
    return { id, answer }
  }

  end(): void {
    this.#link.end()
  }

  /** Keeps a connection that is draining until the transaction on it is over, also while nothing is being asked. */
  async keepFor<T>(transaction: () => Promise<T>): Promise<T> {
    this.#transactions += 1
    try {
      return await transaction()
    } finally {
      this.#transactions -= 1
      this.#endIfDrained()
    }
  }

  #drain(): void {
    this.#isDraining = true
    this.#endIfDrained()
  }

  /** The owner waits for this before it lets go, so that no question is lost between two owners. */
  #endIfDrained(): void {
    if (this.#isDraining && this.#pending.size === 0 && this.#transactions === 0) this.#link.end()
  }

  #settle(reply: Exclude<Reply, { kind: 'notification' | 'closing' }>): void {
    // The thread that runs the database also sends events about itself over the same port.
    const pending = this.#pending.get(reply.id)
    if (pending === undefined) return
    if (reply.kind === 'moved') this.#isDraining = true
    this.#forget(reply.id, pending)
    if (reply.kind === 'moved') pending.reject(new Moved())
    else if (reply.kind === 'failed') pending.reject(new MillraceError(reply.code, reply.message))
    else pending.resolve(reply)
  }

  #giveUp(id: number, timeoutMs: number): void {
    const pending = this.#pending.get(id)
    if (pending === undefined) return
    this.#forget(id, pending)
    this.#link.send({ kind: 'forget', id })
    const message = `The embedded database has not answered within ${timeoutMs} ms; it cannot cancel a statement, so the outcome is unknown`
    pending.reject(new MillraceError('STORE_TIMEOUT', message))
  }

  #forget(id: number, pending: Pending): void {
    clearTimeout(pending.timer)
    this.#pending.delete(id)
    if (this.#pending.size > 0 || this.#isLost) return
    this.#link.hold(false)
    this.#endIfDrained()
  }
}

/** A question under way; `id` names the transaction that a `begin` opens. */
export interface Asked {
  readonly id: number
  readonly answer: Promise<Answered>
}

function lostError(): MillraceError {
  return new MillraceError(
    'STORE_UNAVAILABLE',
    'The process or thread that ran the embedded database has ended while the statement was under way; its outcome is unknown',
  )
}
