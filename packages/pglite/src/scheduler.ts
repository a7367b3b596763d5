/**
 * Decides which request the one session runs next.
 *
 * Free: sessions take turns (`Turns`). Leased: a transaction is open; its own requests run, all others wait. Free → leased
 * when a `begin` gets its turn; leased → free when it ends, its limit passes, or its session is gone. What has waited
 * beyond its own time limit is refused, so nothing waits for ever. Closing: new requests are sent away, what waits is still
 * run.
 *
 * Nothing runs where it arrives, and after a few milliseconds of running the event loop gets its turn. Node delivers up to
 * 1,000 messages of a thread before it looks at a socket, so that an owner with much to do, served at once, kept the
 * other processes waiting for a thousand of its statements (measured: 5.8 s of 20), and its own time limits too.
 */
import type { MillraceErrorCode } from 'millrace'
import type { Backend, BackendAnswer } from './backend.ts'
import type { Reply, Request } from './protocol.ts'
import { Turns } from './turns.ts'

/** Somebody who asks: this process's main thread, or another process. */
export interface Session {
  readonly channels: Set<string>
  reply(reply: Reply): void
}

/** A request that takes a turn of the database session. */
export type Turn = Extract<Request, { timeoutMs: number }>

interface Waiting {
  readonly request: Turn
  /** By `performance.now()`. */
  readonly expiresAt: number
}

/** What the holder of a transaction asks in it. */
type Step = Extract<Request, { kind: 'query' | 'end' }>

interface Lease {
  readonly session: Session
  readonly id: number
  readonly timer: NodeJS.Timeout
  steps: Step[]
}

/** How long requests are run before the event loop looks for new ones, and for what its timers have to say. */
const RUN_MS = 5

/** What a statement can leave behind in the session; `SET` shows in the command tag instead. */
const LEAVES_STATE = /\bset_config\b|\bpg_(?:try_)?advisory_lock/i
const CLEAN_UP = 'reset all; reset session authorization; select pg_advisory_unlock_all()'

export class Scheduler {
  readonly #backend: Backend
  readonly #sessions = new Set<Session>()
  readonly #waiting = new Turns<Session, Waiting>()
  #lease: Lease | null = null
  #onIdle: (() => void) | null = null
  #isWoken = false
  /** Statements run so far; upkeep compares it with what it saw last. */
  statementCount = 0

  constructor(backend: Backend) {
    this.#backend = backend
  }

  /** No transaction is open: upkeep may run. */
  get isFree(): boolean {
    return this.#lease === null
  }

  add(session: Session): void {
    this.#sessions.add(session)
  }

  /** Forgets a session that is gone; its open transaction is rolled back. */
  remove(session: Session): void {
    this.#sessions.delete(session)
    this.#waiting.drop(session)
    if (this.#lease?.session === session) this.#endLease(false)
    // Inside somebody's transaction it would be rolled back with it; a channel nobody wants costs nothing.
    if (this.#lease === null) for (const channel of session.channels) this.#stopListening(session, channel)
    this.#noticeIdle()
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
        return this.#enterLease(session, request, request.tx)
      case 'query':
        return request.tx === null ? this.#enter(session, request) : this.#enterLease(session, request, request.tx)
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
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve
      this.#noticeIdle()
    })
  }

  #noticeIdle(): void {
    if (this.#lease === null && this.#waiting.isEmpty) this.#onIdle?.()
  }

  #enter(session: Session, request: Turn): void {
    if (this.#onIdle !== null) return session.reply({ kind: 'moved', id: request.id })
    this.#waiting.add(session, { request, expiresAt: performance.now() + request.timeoutMs })
    this.#wake()
  }

  #enterLease(session: Session, step: Step, tx: number): void {
    if (this.#lease === null || !this.#holdsLease(session, tx)) return this.#refuseEnded(session, step.id)
    this.#lease.steps.push(step)
    this.#wake()
  }

  /** Runs what waits as soon as everything that has arrived is known. */
  #wake(): void {
    if (this.#isWoken) return
    this.#isWoken = true
    setImmediate(() => {
      this.#isWoken = false
      this.#runFor(RUN_MS)
    })
  }

  #runFor(milliseconds: number): void {
    const until = performance.now() + milliseconds
    while (this.#runNext()) {
      if (performance.now() < until) continue
      this.#wake()
      break
    }
    this.#noticeIdle()
  }

  /** False if there is nothing to run. */
  #runNext(): boolean {
    if (this.#lease !== null) return this.#runStep(this.#lease)
    const next = this.#waiting.take()
    if (next === undefined) return false
    const { session } = next
    const { request, expiresAt } = next.request
    if (performance.now() < expiresAt) this.#run(session, request)
    else {
      const message = `The statement waited longer than ${request.timeoutMs} ms for others; it was not run`
      this.#fail(session, request.id, 'STORE_TIMEOUT', message)
    }
    return true
  }

  #runStep(lease: Lease): boolean {
    const step = lease.steps.shift()
    if (step === undefined) return false
    if (step.kind === 'query') this.#runInLease(lease, step)
    else this.#endLease(step.commit, (answer) => this.#answer(lease.session, step.id, answer))
    return true
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
    const timer = setTimeout(() => this.#expire(lease), request.limitMs)
    const lease: Lease = { session, id: request.id, timer, steps: [] }
    this.#lease = lease
    this.#answer(session, request.id, answer)
  }

  #runInLease(lease: Lease, request: Extract<Turn, { kind: 'query' }>): void {
    this.statementCount += 1
    const answer = this.#backend.run(request.text, request.values, true)
    this.#answer(lease.session, request.id, answer)
    // The caller's own `commit` or `rollback` has ended it.
    if (answer.status === 'I') this.#endLease(false)
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
    const lease = this.#lease
    if (lease === null) return
    clearTimeout(lease.timer)
    const answer = this.#backend.script(commit ? 'commit' : 'rollback')
    this.#backend.script(CLEAN_UP)
    this.#lease = null
    onAnswer?.(answer)
    for (const step of lease.steps) this.#refuseEnded(lease.session, step.id)
    if (this.#waiting.isEmpty) this.#noticeIdle()
    else this.#wake()
  }

  #forget(session: Session, id: number): void {
    this.#waiting.drop(session, (waiting) => waiting.request.id === id)
    if (this.#lease?.session === session) this.#lease.steps = this.#lease.steps.filter((step) => step.id !== id)
    if (this.#holdsLease(session, id)) this.#endLease(false)
    this.#noticeIdle()
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
