/**
 * Decides which request the one session runs next.
 *
 * Free: every request runs as it arrives. Leased: a transaction is open; its own requests run, all others wait in order.
 * Free → leased when a `begin` gets its turn; leased → free when it ends, its limit passes, or its session is gone. What
 * has waited beyond its own time limit is refused, so nothing waits for ever. Closing: new requests are sent away, what
 * waits is still run.
 */
import type { MillraceErrorCode } from 'millrace'
import type { Backend, BackendAnswer } from './backend.ts'
import type { Reply, Request } from './protocol.ts'

/** Somebody who asks: this process's main thread, or another process. */
export interface Session {
  readonly channels: Set<string>
  reply(reply: Reply): void
}

/** A request that takes a turn of the database session. */
export type Turn = Extract<Request, { timeoutMs: number }>

interface Waiting {
  readonly session: Session
  readonly request: Turn
  readonly expiresAt: number
}

interface Lease {
  readonly session: Session
  readonly id: number
  readonly timer: NodeJS.Timeout
}

/** What a statement can leave behind in the session; `SET` shows in the command tag instead. */
const LEAVES_STATE = /\bset_config\b|\bpg_(?:try_)?advisory_lock/i
const CLEAN_UP = 'reset all; reset session authorization; select pg_advisory_unlock_all()'

export class Scheduler {
  readonly #backend: Backend
  readonly #sessions = new Set<Session>()
  #waiting: Waiting[] = []
  #lease: Lease | null = null
  #onIdle: (() => void) | null = null
  /** Statements run so far; upkeep compares it with what it saw last. */
  statementCount = 0

  constructor(backend: Backend) {
    this.#backend = backend
  }

  get isFree(): boolean {
    return this.#lease === null && this.#waiting.length === 0
  }

  add(session: Session): void {
    this.#sessions.add(session)
  }

  /** Forgets a session that is gone; its open transaction is rolled back. */
  remove(session: Session): void {
    this.#sessions.delete(session)
    this.#waiting = this.#waiting.filter((waiting) => waiting.session !== session)
    if (this.#lease?.session === session) this.#endLease(false)
    // Inside somebody's transaction it would be rolled back with it; a channel nobody wants costs nothing.
    if (this.#lease === null) for (const channel of session.channels) this.#stopListening(session, channel)
  }

  submit(session: Session, request: Request): void {
    switch (request.kind) {
      case 'hello':
        return
      case 'memory':
        return session.reply({ kind: 'memory', id: request.id, wasmBytes: this.#backend.wasmBytes })
      case 'forget':
        return this.#forget(session, request.id)
      case 'end':
        return this.#end(session, request)
      case 'query':
      case 'script':
      case 'begin':
      case 'listen':
      case 'unlisten':
        return this.#enter(session, request)
      default:
        return assertNever(request)
    }
  }

  notify(channel: string, payload: string): void {
    for (const session of this.#sessions) {
      if (session.channels.has(channel)) session.reply({ kind: 'notification', channel, payload })
    }
  }

  /** Runs what was accepted, sends away what comes later, and resolves when nothing is open. */
  async drain(): Promise<void> {
    if (this.isFree) {
      this.#onIdle = () => undefined
      return
    }
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve
    })
  }

  #enter(session: Session, request: Turn): void {
    if (request.kind === 'query' && request.tx !== null) return this.#runInLease(session, request, request.tx)
    if (this.#onIdle !== null) return session.reply({ kind: 'moved', id: request.id })
    if (this.#lease === null) return this.#run(session, request)
    this.#waiting.push({ session, request, expiresAt: Date.now() + request.timeoutMs })
  }

  #run(session: Session, request: Turn): void {
    this.statementCount += 1
    switch (request.kind) {
      case 'query':
        return this.#answer(session, request.id, this.#runStatement(request))
      case 'script':
        return this.#answer(session, request.id, this.#runScript(request.text))
      case 'begin':
        return this.#begin(session, request)
      case 'listen':
        return this.#answer(session, request.id, this.#startListening(session, request.channel))
      case 'unlisten':
        return this.#answer(session, request.id, this.#stopListening(session, request.channel))
      default:
        return assertNever(request)
    }
  }

  #runStatement(request: Extract<Turn, { kind: 'query' }>): BackendAnswer {
    const answer = this.#backend.run(request.text, request.values, false)
    if (answer.status !== 'I') return this.#refuseOpenTransaction(answer)
    if (answer.tags.includes('SET') || LEAVES_STATE.test(request.text)) this.#backend.script(CLEAN_UP)
    return answer
  }

  #runScript(text: string): BackendAnswer {
    const answer = this.#backend.script(text)
    if (answer.status !== 'I') this.#backend.script('rollback')
    this.#backend.script(CLEAN_UP)
    return answer
  }

  /** A bare `begin` would take the shared session away from everybody; the caller gets the failure of a statement. */
  #refuseOpenTransaction(answer: BackendAnswer): BackendAnswer {
    this.#backend.script('rollback')
    if (answer.sqlstate !== null) return answer
    return this.#backend.script(
      `do $$ begin raise exception using errcode = '25001',
        message = 'a statement of the embedded database cannot open a transaction; use transaction()'; end $$`,
    )
  }

  #begin(session: Session, request: Extract<Turn, { kind: 'begin' }>): void {
    const answer = this.#backend.script('begin')
    const lease: Lease = { session, id: request.id, timer: setTimeout(() => this.#expire(lease), request.limitMs) }
    this.#lease = lease
    this.#answer(session, request.id, answer)
  }

  #runInLease(session: Session, request: Extract<Turn, { kind: 'query' }>, tx: number): void {
    if (!this.#holdsLease(session, tx)) return this.#refuseEnded(session, request.id)
    this.statementCount += 1
    const answer = this.#backend.run(request.text, request.values, true)
    this.#answer(session, request.id, answer)
    // The caller's own `commit` or `rollback` has ended it.
    if (answer.status === 'I') this.#endLease(false)
  }

  #end(session: Session, request: Extract<Request, { kind: 'end' }>): void {
    if (!this.#holdsLease(session, request.tx)) return this.#refuseEnded(session, request.id)
    this.#endLease(request.commit, (answer) => this.#answer(session, request.id, answer))
  }

  #holdsLease(session: Session, tx: number): boolean {
    return this.#lease?.session === session && this.#lease.id === tx
  }

  #refuseEnded(session: Session, id: number): void {
    const message = 'The transaction is no longer open: it was rolled back at its time limit, or has ended'
    this.#fail(session, id, 'TRANSACTION_TIMEOUT', message)
  }

  #expire(lease: Lease): void {
    if (this.#lease === lease) this.#endLease(false)
  }

  #endLease(commit: boolean, onAnswer?: (answer: BackendAnswer) => void): void {
    if (this.#lease === null) return
    clearTimeout(this.#lease.timer)
    const answer = this.#backend.script(commit ? 'commit' : 'rollback')
    this.#backend.script(CLEAN_UP)
    this.#lease = null
    onAnswer?.(answer)
    this.#runWaiting()
  }

  #runWaiting(): void {
    while (this.#lease === null) {
      const next = this.#waiting.shift()
      if (next === undefined) break
      if (Date.now() < next.expiresAt) this.#run(next.session, next.request)
      else {
        const message = `The statement waited longer than ${next.request.timeoutMs} ms for a transaction; it was not run`
        this.#fail(next.session, next.request.id, 'STORE_TIMEOUT', message)
      }
    }
    if (this.isFree) this.#onIdle?.()
  }

  #forget(session: Session, id: number): void {
    this.#waiting = this.#waiting.filter((waiting) => waiting.session !== session || waiting.request.id !== id)
    if (this.#holdsLease(session, id)) this.#endLease(false)
  }

  #startListening(session: Session, channel: string): BackendAnswer {
    session.channels.add(channel)
    return this.#backend.script(`listen ${quoteIdentifier(channel)}`)
  }

  #stopListening(session: Session, channel: string): BackendAnswer {
    session.channels.delete(channel)
    const isWanted = [...this.#sessions].some((other) => other.channels.has(channel))
    return this.#backend.script(isWanted ? 'select 1' : `unlisten ${quoteIdentifier(channel)}`)
  }

  #answer(session: Session, id: number, answer: BackendAnswer): void {
    session.reply({ kind: 'result', id, bytes: answer.bytes })
  }

  #fail(session: Session, id: number, code: MillraceErrorCode, message: string): void {
    session.reply({ kind: 'failed', id, code, message })
  }
}

function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function assertNever(value: never): never {
  throw new Error(`Unexpected ${JSON.stringify(value)}`)
}
