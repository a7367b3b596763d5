import { checkText, refuseOption } from './model/check.ts'
import { decodePayload, encodePayload } from './model/codec.ts'
import type { CreateTokenOptions, WaitToken } from './model/handler.ts'
import type { JobError } from './model/job.ts'
import { isJobError } from './model/job.ts'
import { waitResult } from './model/step-data.ts'
import type { QueueCore } from './queue-core.ts'
import { checkedId } from './queue-reads.ts'
import { newToken } from './run/workflow.ts'
import type { DatabaseClient } from './store/enqueue.ts'
import type { DeliveryResult } from './store/signal.ts'
import type { StepRow, StoredValue } from './store/steps.ts'

/** How a token stands. */
export type TokenStatus = 'waiting' | 'completed' | 'timed_out'

/** A stored token. */
export interface TokenRecord {
  readonly id: string
  /** The job whose handler made it; `null` for one that was made outside. */
  readonly jobId: number | null
  readonly status: TokenStatus
  /** What it was completed with. */
  readonly output: unknown
  readonly timeoutAt: Date | null
  readonly createdAt: Date
  readonly completedAt: Date | null
  readonly tags: string[] | null
}

/** One step, wait or token of a job. */
export interface JobStep {
  /** A step's name; a wait's, or its position, counted from 0 (`fetch/0`: within the step `fetch`). */
  readonly name: string
  readonly kind: 'step' | 'time' | 'token' | 'signal' | 'event' | 'made_token'
  /** `failed`: it is run again by the next attempt. `pending`: a wait that is not over. */
  readonly status: 'done' | 'failed' | 'pending'
  /** The attempt that ended it, or came to the wait. */
  readonly attempt: number
  /** How often it was tried, over all attempts that recorded a failure. */
  readonly tries: number
  readonly startedAt: Date
  /** `null` of a pending wait. */
  readonly endedAt: Date | null
  readonly durationMs: number | null
  /** Of a step its result, of a wait what it resolved with. */
  readonly result: unknown
  /** Of the last failure, also of a step that is done by now. */
  readonly error: JobError | null
  /** When a wait for a time ends, or a limited one gives up. */
  readonly waitUntil: Date | null
  /** The token, signal or event. */
  readonly awaited: string | null
}

/** What calls take that can be part of a transaction of the caller's. */
export interface InTransaction {
  /** Does it inside the caller's transaction, as of its commit; see `AddJobOptions`. */
  readonly db?: DatabaseClient | undefined
}

/** Methods of a queue that reach waiting jobs, and show what jobs remember. */
export interface WaitMethods {
  /** Makes a token that any job can wait for. */
  createToken(options?: CreateTokenOptions, inside?: InTransaction): Promise<WaitToken>
  /**
   * Completes a token with `data`, which every job that waits for it gets; those that come to wait later, too. One that was
   * completed or timed out before, or an unknown one, is left alone.
   */
  completeToken(tokenId: string, data?: unknown, options?: InTransaction): Promise<void>
  completeToken(
    tokenId: string,
    data: unknown,
    options: InTransaction & { readonly result: true },
  ): Promise<DeliveryResult>
  /** `null` for an unknown one. */
  getToken(tokenId: string): Promise<TokenRecord | null>
  /** Times out tokens whose limit has passed; their number. Every running processor does so by itself. */
  expireTimedOutTokens(): Promise<number>
  /**
   * Sends a job the signal `name`: it ends the first wait for it, now or when the handler comes to it. `'unchanged'`: the job has
   * ended; `'not_found'`: there is none.
   */
  signalJob(id: number, name: string, data?: unknown, options?: InTransaction): Promise<DeliveryResult>
  /**
   * Sends an event to every job that waits for `name` now and whose filter `data` contains; the number of waits it ended. It is not
   * kept for those who come later: use a token or a signal where it must not be missed.
   */
  sendEvent(name: string, data?: unknown, options?: InTransaction): Promise<number>
  /** What a job has done and waits for, in order; empty for an unknown one. Kept for as long as the job is. */
  getJobSteps(id: number): Promise<JobStep[]>
}

export function waitMethods(core: QueueCore): WaitMethods {
  return { ...tokenMethods(core), ...deliveryMethods(core), ...stepMethods(core) }
}

type Tokens = Pick<WaitMethods, 'createToken' | 'completeToken' | 'getToken' | 'expireTimedOutTokens'>

function tokenMethods(core: QueueCore): Tokens {
  return {
    async createToken(options = {}, { db } = {}) {
      const token = newToken(options)
      await (await storeFor(core, db)).createToken({ ...token, db })
      return { id: token.tokenId }
    },
    async completeToken(tokenId: string, data?: unknown, options: InTransaction & { readonly result?: true } = {}) {
      checkText('tokenId', tokenId)
      const output = encoded(core, data, 'data')
      const { db } = options
      const result = await (await storeFor(core, db)).completeToken({ tokenId, output, db })
      if (result === 'changed' && db === undefined) core.wake({ kind: 'ready', priorities: [] })
      return (options.result === true ? result : undefined) as never
    },
    async getToken(tokenId) {
      checkText('tokenId', tokenId)
      const stored = await (await core.store()).getToken({ tokenId })
      return stored === null ? null : { ...stored, output: decoded(stored.output) }
    },
    async expireTimedOutTokens() {
      const count = await (await core.store()).expireTokens()
      if (count > 0) core.wake({ kind: 'ready', priorities: [] })
      return count
    },
  }
}

function deliveryMethods(core: QueueCore): Pick<WaitMethods, 'signalJob' | 'sendEvent'> {
  return {
    async signalJob(id, name, data, { db } = {}) {
      checkText('name', name)
      const signal = { id: checkedId(id), name, data: encoded(core, data, 'data') }
      const result = await (await storeFor(core, db)).signalJob({ ...signal, db })
      if (result === 'changed' && db === undefined) core.wake({ kind: 'ready', priorities: [] })
      return result
    },
    async sendEvent(name, data, { db } = {}) {
      checkText('name', name)
      const event = { name, data: encoded(core, data, 'data') }
      const count = await (await storeFor(core, db)).sendEvent({ ...event, db })
      if (count > 0 && db === undefined) core.wake({ kind: 'ready', priorities: [] })
      return count
    },
  }
}

function stepMethods({ store }: QueueCore): Pick<WaitMethods, 'getJobSteps'> {
  return {
    async getJobSteps(id) {
      const known = { id: checkedId(id) }
      return (await (await store()).listSteps(known)).map(jobStep)
    },
  }
}

/** With `db` no further connection is needed. */
function storeFor(core: QueueCore, db: DatabaseClient | undefined): ReturnType<QueueCore['store']> {
  if (db === undefined) return core.store()
  if (typeof db !== 'object' || typeof db?.query !== 'function')
    refuseOption('db', db, 'a client with `query(text, values)`', 'Pass the client of your transaction')
  return core.connection.ready()
}

/** As a payload; what is left out counts as `null`. */
function encoded({ config }: QueueCore, data: unknown, path: string): StoredValue {
  const { codec, maxPayloadBytes: maxBytes } = config
  return { text: encodePayload(data === undefined ? null : data, { codec, maxBytes, path }), codec }
}

function decoded(value: StoredValue | null): unknown {
  return value === null ? null : decodePayload(value.text, value.codec)
}

function jobStep(row: StepRow): JobStep {
  const { key, kind, status, attempt, tries, startedAt, endedAt, waitUntil, awaited, error } = row
  return {
    name: key.slice(2),
    kind,
    status,
    attempt,
    tries,
    startedAt,
    endedAt,
    durationMs: endedAt === null ? null : endedAt.getTime() - startedAt.getTime(),
    result: stepResult(row),
    error: isJobError(error) ? error : null,
    waitUntil,
    awaited: awaited?.replace(/^(signal|event):/, '') ?? null,
  }
}

function stepResult({ kind, status, isTimedOut, result }: StepRow): unknown {
  if (status !== 'done' || kind === 'time' || kind === 'made_token') return null
  if (kind === 'step') return result === null ? null : decodePayload(result.text, result.codec)
  return waitResult(kind, isTimedOut, decoded(result))
}
