import type { DatabaseClient } from './enqueue.ts'
import type { LeaseRef, StoredValue } from './steps.ts'

/** A token as it is stored. */
export interface StoredToken {
  readonly id: string
  readonly jobId: number | null
  readonly status: 'waiting' | 'completed' | 'timed_out'
  readonly output: StoredValue | null
  readonly timeoutAt: Date | null
  readonly createdAt: Date
  readonly completedAt: Date | null
  readonly tags: string[] | null
}

/** A token to be stored. */
export interface NewToken {
  /** Drawn at random by the caller. */
  readonly tokenId: string
  readonly timeoutMs: number | null
  readonly tags: readonly string[] | null
}

/** `unchanged`: too late, it had ended before. */
export type DeliveryResult = 'changed' | 'unchanged' | 'not_found'

/** What reaches a waiting job from outside. Each is one statement, in the transaction of `db` where one is given. */
export interface SignalStore {
  /** A token of no job, or of `jobId` without being remembered by it. */
  createToken(
    options: NewToken & { readonly jobId?: number | undefined; readonly db?: DatabaseClient | undefined },
  ): Promise<void>
  /** The token that `key` of a running attempt's job stands for: made now, or the one made before. */
  createJobToken(
    options: LeaseRef & NewToken & { readonly key: string; readonly attempt: number },
  ): Promise<{ readonly id: string } | 'lost'>
  completeToken(options: {
    readonly tokenId: string
    readonly output: StoredValue
    readonly db?: DatabaseClient | undefined
  }): Promise<DeliveryResult>
  getToken(options: { readonly tokenId: string }): Promise<StoredToken | null>
  /** Tokens whose time limit has passed time out, and their waiters become ready; the number of tokens. */
  expireTokens(): Promise<number>
  /** Ends the job's first wait for this name, now or when it comes to it. */
  signalJob(options: {
    readonly id: number
    readonly name: string
    readonly data: StoredValue
    readonly db?: DatabaseClient | undefined
  }): Promise<DeliveryResult>
  /** Ends every wait for this name that is stored now and whose filter `data` contains; their number. */
  sendEvent(options: {
    readonly name: string
    readonly data: StoredValue
    readonly db?: DatabaseClient | undefined
  }): Promise<number>
}
