import type { JobLogs, LogLevel } from '../model/log.ts'
import type { LeaseRef } from './steps.ts'

/** Lines of one attempt, oldest first. */
export interface LogEntry extends LeaseRef {
  readonly attempt: number
  /** How many lines of it were left out before these. */
  readonly dropped: number
  readonly lines: readonly {
    /** How long ago it was logged, in milliseconds. */
    readonly agoMs: number
    readonly level: LogLevel
    readonly message: string
    /** JSON text of an object. */
    readonly fields: string | null
  }[]
}

/** `lost`: nothing was stored, another attempt has the job or it is gone. `busy`: nor was it, but it may be a moment later. */
export type LogResult = 'stored' | 'lost' | 'busy'

/** Keeps what handlers log. */
export interface LogStore {
  /** Of each job the last 1,000 lines stay, and at most 1 MB of them. Lines of an attempt that has just ended are taken, too. */
  writeLogs(options: { readonly entries: readonly LogEntry[] }): Promise<readonly LogResult[]>
  /** Lines after the one with the id `after`; empty for an unknown job. */
  listLogs(options: { readonly id: number; readonly after: number; readonly limit: number }): Promise<JobLogs>
}
