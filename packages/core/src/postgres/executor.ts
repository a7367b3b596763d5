/** One value as the driver hands it over: text formats are parsed by `rows.ts`, nowhere else. */
export type Row = readonly unknown[]

/** How one statement is run. */
export interface QueryOptions {
  /** The caller is answered with `STORE_TIMEOUT` after this long. Default 30,000. */
  readonly timeoutMs?: number
  /** The same text comes again and again: it is worth parsing once per connection. Default `false`. */
  readonly isRepeated?: boolean
}

/** For statements whose text is a constant and that come often. */
export const REPEATED: QueryOptions = { isRepeated: true }

/**
 * Runs statements on PostgreSQL, wherever that is: a pool of ours, the user's pool, or the embedded database.
 *
 * Every statement is its own transaction. Rows come as arrays in column order, with `bigint` and `numeric` as text,
 * `timestamptz` as text, `json`/`jsonb` as text, `boolean` as boolean, `integer` as number, arrays as PostgreSQL's text form.
 * Failures reject with what the driver threw; `sqlstate.ts` classifies them.
 */
export interface Executor {
  readonly kind: 'postgres' | 'pglite'
  /** How many statements can be under way at once. */
  readonly parallelism: number
  query(text: string, values?: readonly unknown[], options?: QueryOptions): Promise<readonly Row[]>
  /** Runs several statements in one transaction, for migrations. No parameters; `;` separates. */
  script(text: string, options?: QueryOptions): Promise<void>
  /**
   * Calls `onNotify` for every notification on `channel` until `signal` aborts. Resolves once listening. Absent when
   * there is no connection to listen on.
   */
  readonly listen?: (options: {
    readonly channel: string
    readonly onNotify: (payload: string) => void
    readonly onReconnect: () => void
    readonly onError: (error: Error) => void
    readonly signal: AbortSignal
  }) => Promise<void>
  close(): Promise<void>
}
