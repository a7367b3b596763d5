import { isMillraceError, MillraceError } from '../errors.ts'
import { pause } from '../model/clock.ts'
import type { Clock } from '../model/clock.ts'
import type { Transact } from '../model/transaction.ts'
import type { JobTracer } from '../observe/tracer.ts'
import type { ClaimedJob } from '../store/claim.ts'
import type { SignalStore } from '../store/signal.ts'
import type { StepStore } from '../store/steps.ts'
import type { ChildSettings } from './children.ts'
import type { StepScopes } from './step-scope.ts'

/** What the steps and waits of all attempts of one worker share. */
export interface WorkflowSettings {
  readonly store: Omit<StepStore, 'listSteps'> & Pick<SignalStore, 'createJobToken'>
  readonly transact: Transact
  readonly scopes: StepScopes
  readonly children: ChildSettings
  readonly keepCompleted: boolean
  /** What surrounds handlers and steps at this moment. Default: nothing. */
  readonly tracer?: () => JobTracer | undefined
  /** Of a step's result. */
  readonly maxBytes: number
}

/** The attempt that steps and waits belong to. */
export interface WorkflowHost {
  readonly job: ClaimedJob
  readonly workerId: string
  readonly clock: Clock
  readonly signal: AbortSignal
  /** `running`: its handler may still decide. */
  readonly phase: 'running' | 'suspended' | 'over'
  /** Somebody asked it to stop. */
  readonly isStopping: boolean
  /** Ends the attempt until one of these waits is over. */
  suspend(waits: readonly string[]): void
  /** The store said that the lease is gone. */
  lose(): void
  /** Its completion has been committed. */
  committed(): void
  /** The output reported so far, once nothing is on its way to the store. */
  reportedOutput(): Promise<string | undefined>
}

/** Whether the store may say something else a moment later. */
function isTransient(error: unknown): boolean {
  if (isMillraceError(error, 'STORE_FAILED')) return error.details.isTransient === true
  return isMillraceError(error, 'STORE_UNAVAILABLE') || isMillraceError(error, 'STORE_TIMEOUT')
}

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 5000

/**
 * What `call` answers; it is repeated for as long as the store cannot be reached and the attempt may still decide. Every call is
 * fenced and can be sent again without a second effect.
 */
export async function persist<T>(host: WorkflowHost, call: () => Promise<T>): Promise<T> {
  for (let failures = 0; ; failures++) {
    try {
      return await call()
    } catch (error) {
      if (!isTransient(error) || host.phase !== 'running') throw error
      const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(failures, 10))
      await pause(host.clock, longest * (0.5 + host.clock.random() / 2), host.signal)
    }
  }
}

export function inTransaction(call: string, remedy: string): MillraceError {
  return new MillraceError('IN_TRANSACTION', `${call} cannot be called in a transaction. ${remedy}.`, {
    details: { field: call, remedy },
  })
}
