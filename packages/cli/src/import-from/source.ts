import type { Tx } from './tx.ts'

/** What is in a system's tables, by what becomes of it. */
export interface Survey {
  /** Waits to be tried, for the first time or again. */
  readonly live: number
  /** Has used its attempts up. */
  readonly dead: number
  /** Is said to run. */
  readonly held: number
  /** Is never moved: it waits for a token or a time, or has ended. */
  readonly stays: number
  readonly schedules: number
}

/** A schedule that stays where it is, and why. */
export interface Refused {
  readonly id: number
  readonly task: string
  readonly reason: string
}

/** What came of the definitions around the jobs. */
export interface Prepared {
  readonly schedules: number
  readonly triggers: number
  readonly refused: readonly Refused[]
}

/** A system whose tables can be imported. */
export interface ImportSource {
  /** Where its tables are; changes nothing. */
  survey(db: Tx): Promise<Survey>
  /** What must be done once, in one transaction, before jobs move. May be repeated. */
  prepare(db: Tx): Promise<Prepared>
  /** The call that moves a batch, of the source and whether to take what is held. */
  readonly move: string
  /** What `move` takes as its source. */
  readonly from: string
}

/** The names by which `--import-from` knows systems. */
export const SYSTEMS = ['dataqueue', 'database-jobs'] as const
export type System = (typeof SYSTEMS)[number]
