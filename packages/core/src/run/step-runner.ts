import { isMillraceError, MillraceError } from '../errors.ts'
import { pause } from '../model/clock.ts'
import { checkInteger, checkOptions } from '../model/check.ts'
import { encodeOutput } from '../model/codec.ts'
import { recordError } from '../model/error-record.ts'
import type { StepContext } from '../model/handler.ts'
import { FailureReason } from '../model/job.ts'
import { DEFAULT_TRANSACTION_MS, type TransactionClient, type TransactionOptions } from '../model/transaction.ts'
import { isFatal, isSnooze } from '../model/verdict.ts'
import type { NewStep } from '../store/steps.ts'
import type { Activity } from './activity.ts'
import type { Children } from './children.ts'
import { leaseLost } from './reporter.ts'
import { encodeResult, type StepPolicy } from './step-options.ts'
import { createScope, type StepScope } from './step-scope.ts'
import { runTraced } from './traced.ts'
import { persist, type WorkflowHost, type WorkflowSettings } from './workflow-host.ts'

export interface StepRunnerOptions {
  readonly host: WorkflowHost
  readonly settings: WorkflowSettings
  readonly activity: Activity
  readonly children: Children
  /** What a failed try came to does not count. */
  readonly forget: (scope: StepScope) => void
}

interface Step {
  readonly name: string
  readonly key: string
  readonly policy: StepPolicy
}

interface Try {
  readonly step: Step
  readonly scope: StepScope
  readonly context: StepContext
  readonly startedAt: number
  /** The function has ended well: whatever fails from here on is no failure of the step. */
  isStoring: boolean
}

/** Runs steps that are not done yet, and stores what becomes of them. */
export class StepRunner {
  readonly #options: StepRunnerOptions

  constructor(options: StepRunnerOptions) {
    this.#options = options
  }

  run<T>(step: Step, fn: (context: StepContext) => T | Promise<T>): Promise<T> {
    return this.#traced(step, () => this.#repeatedly(step, (current) => this.#tryPlain(current, fn)))
  }

  runTx<T>(step: Step, fn: (tx: TransactionClient, context: StepContext) => Promise<T>): Promise<T> {
    return this.#traced(step, () => this.#repeatedly(step, (current) => this.#tryInTransaction(current, fn)))
  }

  /** Completes the job together with what `fn` does. */
  async complete<T>(fn: (tx: TransactionClient) => Promise<T>, options: TransactionOptions): Promise<T> {
    const { host, settings, children } = this.#options
    const timeoutMs = transactionLimit(options)
    const before = children.pending.length
    const reported = await host.reportedOutput()
    const { id, token } = host.job
    let kept: { readonly value: T } | undefined
    try {
      await settings.transact(
        async (tx) => {
          const returned = await settings.scopes.run(createScope('', undefined, tx), () => fn(tx))
          const output = encodeOutput(returned) ?? reported
          const { keepCompleted } = settings
          const result = await settings.store.completeIn({
            id,
            token,
            keepCompleted,
            db: tx,
            ...(output === undefined ? {} : { output }),
            ...(children.pending.length === 0 ? {} : { children: children.pending }),
          })
          if (result === 'lost') throw leaseLost()
          kept = { value: returned }
        },
        { timeoutMs },
      )
    } catch (error) {
      // What the function added goes with the rest of what it did.
      children.keep(before)
      if (kept === undefined) throw this.#refused(error)
      // The commit was not answered. It is looked up, never done again.
      const found = await this.#lookUp(error, () => settings.store.findCompletion({ id, token }))
      if (found === 'open') throw error
      // Where no history is kept, a completed job leaves no trace.
      if (found === 'lost' && settings.keepCompleted) throw this.#refused(leaseLost())
    }
    host.committed()
    return kept?.value as T
  }

  #traced<T>({ name }: Step, run: () => Promise<T>): Promise<T> {
    const { host, settings } = this.#options
    return runTraced(host, settings.tracer?.(), { name, run })
  }

  async #repeatedly<T>(step: Step, once: (current: Try) => Promise<T>): Promise<T> {
    const { host, settings, activity, forget } = this.#options
    const parent = settings.scopes.getStore()
    const scope = createScope(`${step.name}/`, parent, parent?.tx)
    activity.stepStarted(scope)
    try {
      for (let tryNumber = 1; ; tryNumber++) {
        const controller = new StepSignal(host)
        const context: StepContext = {
          tryNumber,
          get signal() {
            return controller.signal
          },
        }
        const current: Try = { step, scope, context, startedAt: host.clock.now(), isStoring: false }
        try {
          return await once(current)
        } catch (error) {
          controller.abort(error)
          if (current.isStoring || this.#isOver(error)) throw error
          forget(scope)
          await this.#recordFailure(current, error)
          if (!this.#mayRepeat(step.policy, tryNumber, error)) throw error
          await pause(host.clock, step.policy.delayMs(tryNumber), host.signal)
          if (this.#isOver(error)) throw error
        }
      }
    } finally {
      activity.stepEnded(scope)
    }
  }

  #mayRepeat(policy: StepPolicy, tryNumber: number, error: unknown): boolean {
    if (tryNumber >= policy.attempts || this.#options.host.isStopping) return false
    return !isFatal(error) && !isMillraceError(error, 'STEP_RESULT_INVALID')
  }

  #isOver(error: unknown): boolean {
    return this.#options.host.phase !== 'running' || isMillraceError(error, 'LEASE_LOST') || isSnooze(error)
  }

  async #tryPlain<T>(current: Try, fn: (context: StepContext) => T | Promise<T>): Promise<T> {
    const { settings } = this.#options
    const { step, scope, context } = current
    const returned = await this.#limited(step, async () => settings.scopes.run(scope, () => fn(context)))
    const { stored, value } = encodeResult(returned, step.name, settings.maxBytes)
    current.isStoring = true
    await this.#store(this.#ended(current, { kind: 'done', result: stored }), scope.tx)
    return value as T
  }

  async #tryInTransaction<T>(
    current: Try,
    fn: (tx: TransactionClient, context: StepContext) => Promise<T>,
  ): Promise<T> {
    const { host, settings } = this.#options
    const { step, scope, context } = current
    const timeoutMs = step.policy.timeoutMs ?? DEFAULT_TRANSACTION_MS
    let kept: { readonly value: unknown } | undefined
    try {
      await settings.transact(
        async (tx) => {
          scope.tx = tx
          const returned = await settings.scopes.run(scope, () => fn(tx, context))
          const { stored, value } = encodeResult(returned, step.name, settings.maxBytes)
          await this.#store(this.#ended(current, { kind: 'done', result: stored }), tx)
          kept = { value }
        },
        { timeoutMs },
      )
    } catch (error) {
      if (kept === undefined) throw error
      const { id, token } = host.job
      const found = await this.#lookUp(error, () => settings.store.findStep({ id, token, key: step.key }))
      if (found === 'lost') throw this.#refused(leaseLost())
      if (found === 'absent') throw error
    } finally {
      scope.tx = undefined
    }
    return kept?.value as T
  }

  #ended({ step, startedAt, context }: Try, outcome: NewStep['outcome']): NewStep {
    const { job, clock } = this.#options.host
    const durationMs = Math.max(0, clock.now() - startedAt)
    return { key: step.key, attempt: job.attempt, tries: context.tryNumber, durationMs, outcome }
  }

  /** Resolves once the store has it: a step that seems done is. */
  async #store(step: NewStep, tx: TransactionClient | undefined): Promise<void> {
    const { host, settings } = this.#options
    if (host.phase !== 'running') throw leaseLost()
    const { id, token } = host.job
    const result =
      tx === undefined
        ? await persist(host, () => settings.store.storeStep({ id, token, step }))
        : await settings.store.storeStep({ id, token, step, db: tx })
    if (result === 'lost') throw this.#refused(leaseLost())
  }

  async #recordFailure(current: Try, thrown: unknown): Promise<void> {
    // In a transaction it would be rolled back, and a failed one takes no more statements.
    if (current.scope.tx !== undefined) return
    const { job, workerId, clock } = this.#options.host
    const reason = FailureReason.HandlerError
    const error = recordError(thrown, { reason, attempt: job.attempt, workerId, now: clock.date() })
    try {
      await this.#store(this.#ended(current, { kind: 'failed', error: JSON.stringify(error) }), undefined)
    } catch (failure) {
      // The handler is to hear of its own error, unless the lease is gone.
      if (isMillraceError(failure, 'LEASE_LOST')) throw failure
    }
  }

  /** What became of a commit. Where that cannot be known, the error of the commit says so; that of the question would be about the question. */
  async #lookUp<T>(unanswered: unknown, ask: () => Promise<T>): Promise<T> {
    try {
      return await persist(this.#options.host, ask)
    } catch {
      throw unanswered
    }
  }

  #refused(error: unknown): unknown {
    if (isMillraceError(error, 'LEASE_LOST')) this.#options.host.lose()
    return error
  }

  #limited<T>({ name, policy }: Step, work: () => Promise<T>): Promise<T> {
    const { timeoutMs } = policy
    if (timeoutMs === undefined) return work()
    return new Promise((resolve, reject) => {
      const timer = this.#options.host.clock.after(timeoutMs, () => {
        const message = `Step ${JSON.stringify(name)} took longer than its \`timeoutMs\` of ${timeoutMs} ms.`
        reject(new MillraceError('STEP_TIMEOUT', message, { details: { field: 'timeoutMs', value: timeoutMs } }))
      })
      work()
        .finally(() => timer.cancel())
        .then(resolve, reject)
    })
  }
}

/** A signal of one try, made when somebody asks for it. */
class StepSignal {
  readonly #host: WorkflowHost
  #controller: AbortController | undefined
  #signal: AbortSignal | undefined

  constructor(host: WorkflowHost) {
    this.#host = host
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    this.#signal ??= AbortSignal.any([this.#host.signal, this.#controller.signal])
    return this.#signal
  }

  abort(reason: unknown): void {
    this.#controller?.abort(reason)
  }
}

/** @throws MillraceError `OPTION_INVALID` */
function transactionLimit(options: TransactionOptions): number {
  checkOptions('options', options, TRANSACTION_OPTIONS, '{ timeoutMs: 10_000 }')
  const { timeoutMs = DEFAULT_TRANSACTION_MS } = options
  checkInteger('timeoutMs', timeoutMs, { min: 1, max: 2_147_483_647, remedy: 'Leave it out for 5000' })
  return timeoutMs
}

const TRANSACTION_OPTIONS: ReadonlySet<string> = new Set(['timeoutMs'])
