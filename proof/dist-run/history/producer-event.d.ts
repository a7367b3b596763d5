/** A job as the producer means it, with what the checker must know of it. */
export interface JobSpec {
  readonly ref: string
  readonly jobType: string
  /** `payloadHash` of `history/payload-hash.ts`: of the payload's JSON round trip. */
  readonly payloadHash: string
  /** `idempotencyKey`. */
  readonly key?: string
  readonly group?: string
  /** A lane in which first attempts start in the order of their adds. */
  readonly serial?: string
  /** Default 0; higher first. */
  readonly priority?: number
  /** Not before this, by the database's clock. */
  readonly runAtDbMs?: number
  readonly maxAttempts: number
  /** The least delay after the first failure, the second, …; the last repeats. Absent: not checked. */
  readonly retryDelaysMs?: readonly number[]
  readonly timeoutMs?: number
  /** Refs of prerequisites. */
  readonly dependsOn?: readonly string[]
  /** What becomes of a dependent whose prerequisite fails for good. Default `cancel`. */
  readonly onPrerequisiteFailed?: 'cancel' | 'run' | 'wait'
  /** Its handler writes one row of `effects` in the transaction that completes it. */
  readonly transactional?: boolean
  /** A plain JSON value within the documented limits: must be accepted. */
  readonly plainJson?: boolean
  /** Nonsense: must be refused with a typed error. */
  readonly nonsense?: boolean
  /** The handler is hostile: throws oddities, never ends, … `exit`: it may take its process with it. */
  readonly hostile?: 'contained' | 'exit'
}
/** How a call ended badly: `refused`: it had no effect and says so; `unknown`: it may have had. */
export type BadOutcome = 'refused' | 'unknown'
/** Written by whoever calls the queue, before the call and after its answer. */
export type ProducerEvent =
  /** `tx` names the caller's transaction, if the jobs are added in one. */
  | {
      readonly type: 'add'
      readonly call: string
      readonly jobs: readonly JobSpec[]
      readonly tx?: string
    }
  /** Ids in the order of the jobs. */
  | {
      readonly type: 'add-ok'
      readonly call: string
      readonly ids: readonly number[]
    }
  /** `code` is that of `MillraceError`; absent: another kind of error. */
  | {
      readonly type: 'add-error'
      readonly call: string
      readonly outcome: BadOutcome
      readonly code?: string
      readonly message: string
    }
  /** The caller's transaction, which also writes one business row, ended. */
  | {
      readonly type: 'tx-end'
      readonly tx: string
      readonly outcome: 'committed' | 'rolled-back' | 'unknown'
    }
  | {
      readonly type: 'change'
      readonly call: string
      readonly verb: 'cancel' | 'retry' | 'edit' | 'redrive'
      /** `all`: a change by filter, which may hit any job. */
      readonly job: number | 'all'
      /** Of an edit: what it sets. */
      readonly payloadHash?: string
      readonly maxAttempts?: number
      readonly runAtDbMs?: number
      readonly priority?: number
    }
  /** What `{ result: true }` answers; `requested`: it runs, and its signal will fire. */
  | {
      readonly type: 'change-ok'
      readonly call: string
      readonly answer: 'changed' | 'requested' | 'unchanged' | 'not_found'
      /** Of a change by filter: what it hit, if that was said. */
      readonly jobs?: readonly number[]
    }
  | {
      readonly type: 'change-error'
      readonly call: string
      readonly outcome: BadOutcome
      readonly code?: string
      readonly message: string
    }
  | {
      readonly type: 'token-complete'
      readonly call: string
      readonly token: string
      readonly valueHash: string
    }
  /** `taken`: this call decided the token's value; otherwise it was decided before. */
  | {
      readonly type: 'token-complete-ok'
      readonly call: string
      readonly taken: boolean
    }
  | {
      readonly type: 'token-complete-error'
      readonly call: string
      readonly outcome: BadOutcome
      readonly message: string
    }
  /** A schedule exists, with the ticks it must have fired in this run, by the database's clock. */
  | {
      readonly type: 'schedule'
      readonly schedule: string
      /** What becomes of ticks missed while nothing ran. */
      readonly missed: 'skip' | 'catch-up'
      readonly ticksDbMs: readonly number[]
    }
//# sourceMappingURL=producer-event.d.ts.map
