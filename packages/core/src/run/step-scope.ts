import type { AsyncLocalStorage } from 'node:async_hooks'
import type { TransactionClient } from '../model/transaction.ts'

/**
 * Where in a handler a call of its context is made: within which step, and in which transaction. It is known by the
 * asynchronous call chain, since steps may run side by side.
 */
export interface StepScope {
  /** Before the numbers of what is made here: empty, or the step's name and a slash. */
  readonly prefix: string
  readonly parent: StepScope | undefined
  /** That of the step, or of what it is in. */
  tx: TransactionClient | undefined
  /** Waits in here that are not over: the step does nothing but wait. */
  waits: number
  /** How many waits, tokens, children and calls that added children there were so far, without a name. */
  readonly counts: { waits: number; tokens: number; children: number; adds: number }
  /** What was named in here; free again when the step is tried again. */
  readonly names: string[]
}

export type StepScopes = AsyncLocalStorage<StepScope>

export function createScope(
  prefix: string,
  parent: StepScope | undefined,
  tx: TransactionClient | undefined,
): StepScope {
  return { prefix, parent, tx, waits: 0, counts: { waits: 0, tokens: 0, children: 0, adds: 0 }, names: [] }
}
