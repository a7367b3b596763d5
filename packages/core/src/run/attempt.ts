import { isMillraceError, MillraceError } from '../errors.ts'
import type { Clock, Timer } from '../model/clock.ts'
import { decodePayload } from '../model/codec.ts'
import type { OnTimeoutCallback } from '../model/handler.ts'
import { FailureReason } from '../model/job.ts'
import type { NewLogLine } from '../model/log.ts'
import { CANCELLED, COMMITTED, LOST, type Outcome, RELEASED, RETURNED } from '../model/outcome.ts'
import { checkPayload, type CheckedPayload } from '../model/validate-payload.ts'
import { isFatal, isSnooze, snoozeDelayMs } from '../model/verdict.ts'
import type { ClaimedJob } from '../store/claim.ts'
import { type Attempt, DEFAULT_CANCEL_GRACE_MS, type RunSettings } from './attempt-contract.ts'
import { createContext, type ContextSource } from './context.ts'
import { isModuleHandler, type HandlerEntry } from './handler-entry.ts'
import { startIsolated, type IsolatedRun } from './isolated.ts'
import { attemptOver, leaseLost, Reporter, type ReportValues } from './reporter.ts'
import { returned } from './returned.ts'
import { prolongRefused, isDuration, TimeLimit } from './time-limit.ts'
import { callTraced } from './traced.ts'
import { Workflow } from './workflow.ts'
import { inTransaction, type WorkflowHost } from './workflow-host.ts'

/**
 * `running`: the handler may still decide. `committed`: it has completed the job in a transaction, and keeps its slot until it
 * returns. `closing`: it has decided, and what it reported is being stored. `killing`: its thread is being ended. `ended`: the
 * outcome is known.
 */
type State = 'running' | 'committed' | 'closing' | 'killing' | 'ended'

interface Stop {
  readonly reason: MillraceError
  readonly graceEndsAt: number
  readonly timer: Timer
}

/** Starts an attempt: its handler has been called, as far as its first `await`, when this returns. */
export function startAttempt(job: ClaimedJob, entry: HandlerEntry | undefined, settings: RunSettings): Attempt {
  const attempt = new RunningAttempt(job, settings)
  attempt.start(entry)
  return attempt
}

class RunningAttempt implements Attempt, ContextSource, WorkflowHost {
  readonly job: ClaimedJob
  readonly startedAt: number
  readonly #settings: RunSettings
  #ended: Outcome | undefined
  #state: State = 'running'
  // Each made when first needed, which for most attempts is never.
  #waiting: ((outcome: Outcome) => void)[] | undefined
  #controller: AbortController | undefined
  #limit: TimeLimit | undefined
  #reporter: Reporter | undefined
  #stop: Stop | undefined
  #isolated: IsolatedRun | undefined
  #workflow: Workflow | undefined
  #isSuspended = false
  /** Why the signal fired, or would have. */
  #fired: MillraceError | undefined
  #isCalled = false
  #hasLogged = false

  constructor(job: ClaimedJob, settings: RunSettings) {
    this.job = job
    this.#settings = settings
    this.startedAt = settings.clock.now()
  }

  get outcome(): Promise<Outcome> {
    if (this.#ended !== undefined) return Promise.resolve(this.#ended)
    return new Promise((resolve) => void (this.#waiting ??= []).push(resolve))
  }

  get workerId(): string {
    return this.#settings.workerId
  }

  get clock(): Clock {
    return this.#settings.clock
  }

  get phase(): 'running' | 'suspended' | 'over' {
    if (this.#state === 'running') return 'running'
    return this.#isSuspended ? 'suspended' : 'over'
  }

  get isStopping(): boolean {
    return this.#stop !== undefined
  }

  get workflow(): Workflow {
    return (this.#workflow ??= new Workflow(this, this.#settings.workflow))
  }

  get children(): Attempt['children'] {
    return this.#workflow?.pendingChildren ?? []
  }

  get deadline(): number | null {
    return this.#limit?.deadline ?? null
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#fired !== undefined) this.#controller.abort(this.#fired)
    }
    return this.#controller.signal
  }

  start(entry: HandlerEntry | undefined): void {
    const { job } = this
    if (entry === undefined) {
      const error = new MillraceError('NO_HANDLER', `No handler registered for job type: ${job.jobType}`)
      return this.#end({ kind: 'threw', error, reason: FailureReason.NoHandler })
    }
    let payload: unknown
    try {
      payload = decodePayload(job.payload, job.codec)
    } catch (error) {
      return this.#end({ kind: 'fatal', error, reason: FailureReason.PayloadInvalid })
    }
    const limitMs = job.timeoutMs ?? this.#settings.defaultTimeoutMs
    // Before the handler is called: it may call `prolong` first thing.
    if (limitMs !== undefined) this.#startLimit(limitMs)
    if (entry.schema === undefined) this.#call(entry, payload)
    else this.#validate(entry, payload)
  }

  abort(reason: MillraceError, graceMs: number = this.#settings.cancelGraceMs ?? DEFAULT_CANCEL_GRACE_MS): void {
    if (this.#state === 'ended') return
    if (this.#state === 'committed' || reason.code === 'LEASE_LOST') {
      this.#end(this.#state === 'committed' ? COMMITTED : LOST)
      this.#fire(reason)
      void this.#isolated?.kill()
    } else if (this.#state === 'running') {
      this.#askToStop(reason, graceMs)
    }
  }

  prolong(ms?: number): void {
    if (ms !== undefined && !isDuration(ms)) throw prolongRefused(ms)
    if (this.#state === 'running' && this.#stop === undefined) this.#limit?.prolong(ms)
  }

  onTimeout(callback: OnTimeoutCallback): void {
    this.#limit?.onTimeout(callback)
  }

  setProgress(percent: number): Promise<void> {
    return this.#refuseInTransaction('ctx.setProgress()') ?? this.#openReporter().progress(percent)
  }

  setOutput(value: unknown): Promise<void> {
    return this.#refuseInTransaction('ctx.setOutput()') ?? this.#openReporter().output(value)
  }

  suspend(waits: readonly string[]): void {
    if (this.#state !== 'running') return
    this.#isSuspended = true
    const waiting: Outcome = { kind: 'waiting', waits }
    const reason = new MillraceError('JOB_WAITING', `Job ${this.job.id} waits; this run of its handler is over.`)
    if (this.#stop?.reason.code === 'JOB_CANCELLED') this.#finishByForce(CANCELLED, this.#stop.reason)
    else if (this.#isolated !== undefined) this.#finishByForce(waiting, reason)
    else {
      this.#close(waiting)
      this.#fire(reason)
    }
  }

  lose(): void {
    this.abort(leaseLost())
  }

  committed(): void {
    if (this.#isolated !== undefined) {
      this.#finishByForce(COMMITTED, attemptOver())
      return
    }
    this.#state = 'committed'
    this.#reporter?.close(attemptOver())
  }

  reportedOutput(): Promise<string | undefined> {
    return Promise.resolve(this.#reporter?.idle).then(() => this.#reporter?.unstoredOutput)
  }

  /** A report needs a connection, and the transaction may hold the only one. */
  #refuseInTransaction(call: string): Promise<never> | undefined {
    if (this.#settings.workflow.scopes.getStore()?.tx === undefined) return undefined
    return Promise.reject(inTransaction(call, 'Call it before; what the function returns becomes the output'))
  }

  get dependencyStore(): RunSettings['dependencies'] {
    return this.#settings.dependencies
  }

  log(line: NewLogLine): void {
    if (this.#state !== 'ended') this.#settings.logs?.add(this.job, line)
    this.#hasLogged = true
  }

  #validate(entry: HandlerEntry, payload: unknown): void {
    const accept = (checked: CheckedPayload): void => this.#call(entry, checked.value)
    try {
      const checked = checkPayload({ payload: entry.schema }, payload, this.job.jobType)
      if ('then' in checked)
        checked.then(accept, (error: unknown) => this.#refused(error)).catch((error: unknown) => this.#rejected(error))
      else accept(checked)
    } catch (error) {
      this.#refused(error)
    }
  }

  #refused(error: unknown): void {
    if (this.#state !== 'running') return
    // With the issues as its value: the schema has spoken. One that throws may just have lost its database; that can pass.
    const isFinal = isMillraceError(error, 'PAYLOAD_INVALID') && error.details.value !== undefined
    if (isFinal) this.#close({ kind: 'fatal', error, reason: FailureReason.PayloadInvalid })
    else this.#rejected(error)
  }

  #call(entry: HandlerEntry, payload: unknown): void {
    if (this.#state !== 'running' || this.#isCalled) return
    this.#isCalled = true
    let result: unknown
    try {
      result = callTraced(this, this.#settings.workflow.tracer?.(), () => this.#invoke(entry, payload))
    } catch (error) {
      this.#rejected(error)
      return
    }
    // Only an object can be a thenable; `Promise.resolve` takes the first of its calls and contains what it throws.
    if (typeof result !== 'object' || result === null) this.#resolved(result)
    else {
      Promise.resolve(result).then(
        (value) => this.#resolved(value),
        (error: unknown) => this.#rejected(error),
      )
    }
  }

  #invoke(entry: HandlerEntry, payload: unknown): unknown {
    const { handler } = entry
    if (isModuleHandler(handler) || (this.job.forceKillOnTimeout && this.#limit !== undefined)) {
      this.#isolated = startIsolated({
        jobType: this.job.jobType,
        handler,
        payload,
        context: createContext(this),
        clock: this.#settings.clock,
        onStart: () => this.#limit?.restart(),
        onEnd: () => this.#cancelTimers(),
        ...(entry.resourceLimits === undefined ? {} : { resourceLimits: entry.resourceLimits }),
      })
      return this.#isolated.result
    }
    if (entry.parameters > 2) return handler(payload, this.signal, createContext(this))
    // The type asks for all three; by the handler's own text nobody will miss what is left out.
    return Reflect.apply(handler, undefined, entry.parameters === 2 ? [payload, this.signal] : [payload])
  }

  /** Whether what the handler comes to has no effect any more. */
  #isDecided(): boolean {
    if (this.#state === 'committed') this.#end(COMMITTED)
    return this.#state !== 'running'
  }

  #resolved(value: unknown): void {
    if (this.#isDecided()) return
    if (isSnooze(value) || isFatal(value)) return this.#rejected(value)
    this.#close(this.#reporter?.hasOutput === true ? RETURNED : returned(value))
  }

  #rejected(error: unknown): void {
    if (this.#isDecided()) return
    const stopCode = this.#stop?.reason.code
    if (stopCode === 'JOB_CANCELLED') this.#close(CANCELLED)
    else if (isSnooze(error)) this.#close({ kind: 'snoozed', delayMs: snoozeDelayMs(error) })
    else if (stopCode !== undefined) this.#close(RELEASED)
    else this.#close({ kind: isFatal(error) ? 'fatal' : 'threw', error, reason: FailureReason.HandlerError })
  }

  /** The handler has decided. Its last reports are stored first, or the settlement would shut them out. */
  #close(outcome: Outcome): void {
    this.#cancelTimers()
    const waitsForReports = outcome.kind === 'returned' || outcome.kind === 'waiting'
    const idle = waitsForReports ? this.#reporter?.idle : undefined
    // Whoever hears of the end can read what was said before it.
    const logged = this.#hasLogged ? this.#settings.logs?.flush() : undefined
    if (idle === undefined && logged === undefined) return this.#end(this.#withOutput(outcome))
    this.#state = 'closing'
    void Promise.all([idle, logged]).then(() => this.#end(this.#withOutput(outcome)))
  }

  /** An output that the store failed to take in time goes along with the outcome. */
  #withOutput(outcome: Outcome): Outcome {
    if (outcome.kind !== 'returned') return outcome
    const unstored = this.#reporter?.unstoredOutput
    const given: Outcome = unstored === undefined ? outcome : { kind: 'returned', output: unstored }
    // What is kept beside a job goes with one that leaves no history.
    const hasLines = this.#hasLogged && !this.#settings.workflow.keepCompleted
    return this.#workflow !== undefined || hasLines ? { ...given, hasSteps: true } : given
  }

  #end(outcome: Outcome): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.#cancelTimers()
    this.#reporter?.close(outcome === LOST ? leaseLost() : attemptOver())
    this.#ended = outcome
    this.#waiting?.forEach((resolve) => resolve(outcome))
    this.#settings.onEnded?.(this, outcome)
  }

  #startLimit(limitMs: number): void {
    this.#limit = new TimeLimit({
      clock: this.#settings.clock,
      limitMs,
      onExpire: (ms) => this.#timedOut(ms),
      onProlong: (ms) => this.#openReporter().prolonged(ms),
    })
    this.#settings.onLimit?.(this.#limit.deadline)
  }

  #timedOut(limitMs: number): void {
    const how = this.#isolated === undefined ? '' : ' and was forcefully terminated'
    const error = new MillraceError('JOB_TIMEOUT', `Job timed out after ${limitMs} ms${how}`)
    if (this.#state === 'committed') this.abort(error)
    else if (this.#state === 'running')
      this.#finishByForce({ kind: 'threw', error, reason: FailureReason.Timeout }, error)
  }

  #askToStop(reason: MillraceError, graceMs: number): void {
    const graceEndsAt = this.#settings.clock.now() + graceMs
    const before = this.#stop
    // A cancellation outlasts a drain: the job must not come back.
    const isCancelled = before?.reason.code === 'JOB_CANCELLED'
    const isSooner = before === undefined || graceEndsAt < before.graceEndsAt
    before?.timer.cancel()
    const endsAt = isSooner ? graceEndsAt : before.graceEndsAt
    this.#stop = {
      reason: before !== undefined && isCancelled ? before.reason : reason,
      graceEndsAt: endsAt,
      timer: this.#settings.clock.after(Math.max(0, endsAt - this.#settings.clock.now()), () => this.#graceOver()),
    }
    if (this.#stop.reason.code === 'JOB_CANCELLED') this.#limit?.cancel()
    this.#fire(reason)
    // Still in its schema: there is no handler to wait for.
    if (!this.#isCalled) this.#graceOver()
  }

  #graceOver(): void {
    if (this.#state !== 'running' || this.#stop === undefined) return
    const { reason } = this.#stop
    this.#finishByForce(reason.code === 'JOB_CANCELLED' ? CANCELLED : RELEASED, reason)
  }

  /** Without waiting for the handler; a thread is ended for certain before anything is said of it. */
  #finishByForce(outcome: Outcome, reason: MillraceError): void {
    if (this.#isolated === undefined) {
      this.#end(outcome)
      this.#fire(reason)
      return
    }
    this.#state = 'killing'
    this.#cancelTimers()
    void this.#isolated.kill().then(() => this.#end(outcome))
  }

  #cancelTimers(): void {
    this.#limit?.cancel()
    this.#stop?.timer.cancel()
  }

  #fire(reason: MillraceError): void {
    this.#fired ??= reason
    this.#controller?.abort(reason)
  }

  #openReporter(): Reporter {
    if (this.#reporter !== undefined) return this.#reporter
    const { id, token } = this.job
    const { report, onReportError } = this.#settings
    const reporter = new Reporter({
      send: (values) => report({ id, token, ...values }),
      onStored: (values) => this.#announce(values),
      onLost: () => this.abort(leaseLost()),
      onError: (error) => onReportError?.(this.job, error),
    })
    if (this.#state === 'ended' || this.#state === 'committed') reporter.close(attemptOver())
    this.#reporter = reporter
    return reporter
  }

  #announce({ progress, output }: ReportValues): void {
    if (progress !== undefined) this.#settings.onProgress?.(this.job, progress)
    if (output !== undefined && this.#settings.onOutput !== undefined)
      this.#settings.onOutput(this.job, JSON.parse(output))
  }
}
