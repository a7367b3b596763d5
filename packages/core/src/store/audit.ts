import type { AuditEntry } from '../model/audit.ts'
import type { DatabaseClient } from './enqueue.ts'

/** Who did what, kept for a year, and on Redis at most the latest 10,000 entries. In the transaction of `db` where one is given. */
export interface AuditStore {
  /** Notes what is about to be done; the entry's id. `target`: JSON text. */
  beginAudit(options: {
    readonly actor: string
    readonly action: string
    readonly target: string
    readonly db?: DatabaseClient | undefined
  }): Promise<number>
  /** Notes how it went. `result`: JSON text. */
  endAudit(options: {
    readonly id: number
    readonly outcome: 'done' | 'failed'
    readonly result: string
    readonly db?: DatabaseClient | undefined
  }): Promise<void>
  /** Newest first; with `before` only entries with a smaller id. */
  listAudit(options: { readonly before: number | null; readonly limit: number }): Promise<readonly AuditEntry[]>
}
