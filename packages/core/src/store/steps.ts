import type { DatabaseClient, NewJob } from './enqueue.ts'
import type { SettleResult } from './settle.ts'

/** A running attempt, as the store knows it: every write is fenced by the two. */
export interface LeaseRef {
  readonly id: number
  readonly token: number
}

/** A value as it is stored: JSON text, and how it was encoded. */
export interface StoredValue {
  readonly text: string
  readonly codec: 'json' | 'rich'
}

/** What a job may wait for. */
export type WaitKind = 'time' | 'token' | 'signal' | 'event'

/** One thing that a job remembers between two runs of its handler. */
export interface StoredStep {
  /** `s:`, `n:`, `p:` or `k:`, and what names it; see `0003_steps_and_waits.sql`. `c:` is a step that added children at once. */
  readonly key: string
  readonly kind: 'step' | 'made_token' | WaitKind
  readonly status: 'done' | 'failed' | 'pending'
  readonly isTimedOut: boolean
  /** The token's id, or `signal:` and `event:` with the name. */
  readonly awaited: string | null
  /** How often the step was tried. */
  readonly tries: number
  /** `null`: there is none. */
  readonly result: StoredValue | null
}

/** A step that has ended, well or not. */
export interface NewStep {
  readonly key: string
  readonly attempt: number
  readonly tries: number
  readonly durationMs: number
  readonly outcome:
    | { readonly kind: 'done'; readonly result: StoredValue }
    | { readonly kind: 'failed'; /** JSON text. */ readonly error: string }
}

/** A wait that the handler has come to. */
export interface NewWait {
  readonly key: string
  readonly kind: WaitKind
  readonly attempt: number
  /** From now, or until then by the store's clock: of a time the wait itself, of the others its limit. */
  readonly until: { readonly delayMs: number } | { readonly at: Date } | null
  readonly awaited: string | null
  /** JSON text that the data of an event must contain. */
  readonly filter: string | null
}

/** A step or wait of a job as people look at it. */
export interface StepRow extends StoredStep {
  readonly attempt: number
  readonly startedAt: Date
  readonly endedAt: Date | null
  readonly waitUntil: Date | null
  /** As the store wrote it. */
  readonly error: unknown
}

/** Keeps what a job remembers from one run of its handler to the next. */
export interface StepStore {
  /**
   * Everything the job remembers, ended things in the order of their ending. Waits that are over end by this call; it is a
   * write, fenced like one.
   */
  loadSteps(attempt: LeaseRef): Promise<readonly StoredStep[] | 'lost'>
  /** Sent again because its reply was lost: `'settled'`, without a second effect. With `db` inside that transaction. */
  storeStep(options: LeaseRef & { readonly step: NewStep; readonly db?: DatabaseClient }): Promise<SettleResult>
  /**
   * Whether a step is there that was stored in a transaction whose commit was not answered. Waits for that transaction, so
   * `'absent'` means that it never will be.
   */
  findStep(options: LeaseRef & { readonly key: string }): Promise<'stored' | 'absent' | 'lost'>
  /** Stores a wait, or finds it stored, and answers what became of it so far. */
  openWait(options: LeaseRef & { readonly wait: NewWait }): Promise<StoredStep | 'lost' | 'unknown_token'>
  /** As `settle`, of one completion, inside the transaction of `db`. */
  completeIn(
    options: LeaseRef & {
      readonly output?: string
      readonly children?: readonly NewJob[]
      readonly keepCompleted: boolean
      readonly db: DatabaseClient
    },
  ): Promise<SettleResult>
  /** Whether a completion took effect whose commit was not answered; as `findStep`. */
  findCompletion(attempt: LeaseRef): Promise<'completed' | 'open' | 'lost'>
  /** In the order in which they were first stored. */
  listSteps(options: { readonly id: number }): Promise<readonly StepRow[]>
}
