/** A transaction as a callback gets it; also what `{ db }` takes. */
export interface TransactionClient {
  query(text: string, values?: unknown[]): Promise<{ rows: Record<string, unknown>[]; rowCount: number | null }>
}

/** What `transaction` takes besides the function. */
export interface TransactionOptions {
  /** From its beginning to its commit, in milliseconds. Past it: rolled back, `TRANSACTION_TIMEOUT`. Default 5000. */
  readonly timeoutMs?: number | undefined
}

/** Runs `fn` in one transaction of the queue's database: committed when it resolves, rolled back when it rejects. */
export type Transact = <T>(
  fn: (tx: TransactionClient) => Promise<T>,
  options: { readonly timeoutMs: number },
) => Promise<T>

export const DEFAULT_TRANSACTION_MS = 5000
