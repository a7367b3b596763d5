import { setTimeout as sleep } from 'node:timers/promises'
import { isMillraceError, type JobContext, type JobHandler } from 'millrace'
import { payloadHash } from '../history/payload-hash.ts'
import type { Recorder } from '../history/recorder.ts'
import type { AbortReason } from '../history/worker-event.ts'
import { durable, isDurable, type DurablePlan } from './durable-handlers.ts'
import { isProofPayload, type Oddity, type OddResult, type Plan } from '../load/plan.ts'

/** Names the executions of one worker. */
export class Executions {
  readonly #recorder: Recorder
  readonly #name: string
  /** By job and attempt: those that began here, most recent last. */
  readonly #known = new Map<string, { exec: string | undefined; token: number }>()
  readonly #stored = new Set<string>()
  #count = 0

  constructor(recorder: Recorder, name: string) {
    this.#recorder = recorder
    this.#name = name
  }

  /** The handler of this attempt is about to be called, under `token`. */
  claimed(job: number, attempt: number, token: number): void {
    this.#known.set(`${job} ${attempt}`, { exec: undefined, token })
  }

  of(job: number, attempt: number): string | undefined {
    return this.#known.get(`${job} ${attempt}`)?.exec
  }

  /** The store has what the job's attempt here reported. */
  stored(job: number, verb: Report['verb']): void {
    this.#stored.add(`${job} ${verb}`)
  }

  /** Whether it has been stored since this was asked last. */
  takeStored(job: number, verb: Report['verb']): boolean {
    return this.#stored.delete(`${job} ${verb}`)
  }

  /** Records that a handler began, and what its signal says from now on. */
  begin(payload: unknown, signal: AbortSignal, ctx: JobContext): string {
    const exec = `${this.#name}#${this.#count++}`
    const known = this.#known.get(`${ctx.jobId} ${ctx.attempt}`)
    if (known !== undefined) known.exec = exec
    this.#recorder.record({
      type: 'start',
      exec,
      job: ctx.jobId,
      ...(isProofPayload(payload) ? { ref: payload.ref } : {}),
      jobType: ctx.jobType,
      attempt: ctx.attempt,
      payloadHash: payloadHash(payload),
      ...(known === undefined ? {} : { token: known.token }),
      ...(ctx.groupId === null ? {} : { group: ctx.groupId }),
      ...(ctx.schedule === null ? {} : { schedule: ctx.schedule.name, tickDbMs: ctx.schedule.tick.getTime() }),
    })
    signal.addEventListener('abort', () =>
      this.#recorder.record({ type: 'abort', exec, reason: abortReason(signal.reason) }),
    )
    return exec
  }
}

const REASONS: ReadonlyMap<string, AbortReason> = new Map([
  ['LEASE_LOST', 'lease-lost'],
  ['JOB_TIMEOUT', 'timeout'],
  ['JOB_CANCELLED', 'cancelled'],
  ['SHUTTING_DOWN', 'drain'],
])

function abortReason(reason: unknown): AbortReason {
  return (isMillraceError(reason) ? REASONS.get(reason.code) : undefined) ?? 'other'
}

/** The handlers of every job type of the load. */
export function createHandlers(executions: Executions, recorder: Recorder): Record<Plan['do'], JobHandler> {
  const run: JobHandler = async (payload, signal, ctx) => {
    const exec = executions.begin(payload, signal, ctx)
    if (!isProofPayload(payload)) throw new Error('this is no payload of ours')
    if ('polluted' in {}) recorder.record({ type: 'polluted', what: 'Object.prototype' })
    let result: unknown
    try {
      const { plan } = payload
      const execution = { signal, ctx, exec, recorder, executions }
      result = await (isDurable(plan) ? durable(plan, execution) : follow(plan, execution))
    } catch (thrown) {
      recorder.record({ type: 'end', exec, outcome: 'threw' })
      throw thrown
    }
    // What cannot be stored fails the attempt, which is the same as to throw.
    if (payload.plan.do === 'return') {
      recorder.record({ type: 'end', exec, outcome: 'threw' })
      return result
    }
    const output = typeof result === 'string' ? { outputHash: payloadHash(result) } : {}
    recorder.record({ type: 'end', exec, outcome: 'ok', ...output })
    return result
  }
  return {
    work: run,
    fail: run,
    exceed: run,
    report: run,
    block: run,
    die: run,
    leak: run,
    return: run,
    flow: run,
    transact: run,
  }
}

export interface Execution {
  readonly signal: AbortSignal
  readonly ctx: JobContext
  readonly exec: string
  readonly recorder: Recorder
  readonly executions: Executions
}

async function follow(plan: Exclude<Plan, DurablePlan>, execution: Execution): Promise<unknown> {
  const { signal, ctx } = execution
  switch (plan.do) {
    case 'work':
      return work(plan.ms, signal)
    case 'fail':
      await work(plan.ms, signal)
      if (ctx.attempt > plan.times) return undefined
      throw odd(plan.how)
    case 'exceed':
      if (ctx.attempt > plan.times) return undefined
      // Longer than any time limit of the load.
      return plan.heeds ? work(2000, signal) : sleep(2000)
    case 'report':
      return report(plan.ms, execution)
    case 'block':
      return block(plan.ms)
    case 'die':
      if (ctx.attempt <= plan.times) process.kill(process.pid, 'SIGKILL')
      return sleep(1000)
    case 'leak':
      if (ctx.attempt === 1) void Promise.reject(new Error('nobody handles this'))
      return sleep(50)
    case 'return':
      return oddResult(plan.what)
  }
}

async function work(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal })
}

/** Blocks the event loop. */
function block(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until) {
    // Busy.
  }
}

async function report(ms: number, execution: Execution): Promise<string> {
  const { signal, ctx, exec } = execution
  await work(ms / 2, signal)
  await told(execution, { verb: 'progress', value: 50 }, () => ctx.setProgress(50))
  await work(ms / 2, signal)
  const output = `output of ${exec}`
  await told(execution, { verb: 'output', value: output }, () => ctx.setOutput(output))
  return output
}

interface Report {
  readonly verb: 'progress' | 'output'
  readonly value: unknown
}

async function told(execution: Execution, { verb, value }: Report, send: () => Promise<void>): Promise<void> {
  const { exec, recorder, executions, ctx } = execution
  const call = `${exec}/${verb}`
  executions.takeStored(ctx.jobId, verb)
  recorder.record({ type: 'report', call, exec, verb, valueHash: payloadHash(value) })
  try {
    await send()
  } catch (error) {
    const code = isMillraceError(error) ? { code: error.code } : {}
    recorder.record({ type: 'report-error', call, ...code, message: String(error) })
    throw error
  }
  // A report that the store failed to take goes out again with the outcome, and its call resolves all the same.
  if (executions.takeStored(ctx.jobId, verb)) recorder.record({ type: 'report-ok', call })
  else recorder.record({ type: 'report-error', call, message: 'the store has failed to take it so far' })
}

/** Something to throw that is hard to store. */
function odd(how: Oddity): unknown {
  switch (how) {
    case 'error':
      return new Error('as planned')
    case 'string':
      return 'just text'
    case 'undefined':
      return undefined
    case 'null':
      return null
    case 'symbol':
      return Symbol('thrown')
    case 'frozen':
      return Object.freeze(new Error('frozen'))
    case 'getter':
      return Object.defineProperty(new Error('x'), 'message', {
        get() {
          throw new Error('unreadable')
        },
      })
    case 'cyclic':
      return cyclicError()
    case 'long':
      return new Error('x'.repeat(2_000_000))
    case 'unstorable':
      return new Error('a\u0000b \ud800 c')
    case 'proxy':
      return new Proxy(new Error('proxied'), { get: () => 1 })
  }
}

function cyclicError(): Error {
  const error = new Error('outer')
  error.cause = new Error('inner', { cause: error })
  return error
}

function oddResult(what: OddResult): unknown {
  switch (what) {
    case 'bigint':
      return { n: 10n }
    case 'cyclic':
      return cyclicError()
    case 'function':
      return { call: () => 1 }
    case 'nan':
      return { n: Number.NaN }
  }
}
