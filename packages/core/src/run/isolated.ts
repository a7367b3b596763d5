import { AsyncLocalStorage } from 'node:async_hooks'
import { isAbsolute, resolve as resolvePath } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Worker, type ResourceLimits } from 'node:worker_threads'
import { ERROR_CODES, MillraceError, type MillraceErrorCode } from '../errors.ts'
import type { Clock, Timer } from '../model/clock.ts'
import type { JobContext, JobHandler, StepOptions } from '../model/handler.ts'
import { fatal, snooze } from '../model/verdict.ts'
import { isModuleHandler, type ModuleHandler } from './handler-entry.ts'
import { handlerSource, notAFunction, notDeserialized } from './handler-source.ts'
import { THREAD_SOURCE } from './isolated-thread.ts'

export interface IsolatedOptions {
  readonly jobType: string
  readonly handler: JobHandler | ModuleHandler
  readonly payload: unknown
  /** Its methods are called by message. */
  readonly context: JobContext
  readonly clock: Clock
  readonly resourceLimits?: ResourceLimits
  /** The thread is up, and the handler is about to be called in it. */
  readonly onStart: () => void
  /** The handler has answered; the thread is about to leave. */
  readonly onEnd: () => void
}

/** A handler at work in a thread of its own. */
export interface IsolatedRun {
  /** What the handler resolves or rejects with, once its thread is gone. Pending for ever after `kill`. */
  readonly result: Promise<unknown>
  /** Ends the thread, whatever it does; resolves when it is gone. */
  kill(): Promise<void>
}

/**
 * Starts `handler` in a new thread.
 *
 * @throws MillraceError `HANDLER_INVALID` if its source text cannot stand on its own.
 */
export function startIsolated(options: IsolatedOptions): IsolatedRun {
  return new IsolatedThread(options)
}

/** How long a thread may take to leave by itself once its handler has answered, to pass on what it has printed. */
const LEAVE_LIMIT_MS = 1_000

class IsolatedThread implements IsolatedRun {
  readonly result: Promise<unknown>
  readonly #options: IsolatedOptions
  readonly #worker: Worker
  #answer: (() => void) | undefined
  #leaveTimer: Timer | undefined
  #isKilled = false
  readonly #tries = new Map<number, ThreadTry>()
  readonly #stepErrors = new WeakSet<object>()
  #lastTry = 0
  #resolve: (value: unknown) => void = () => undefined
  #reject: (error: unknown) => void = () => undefined

  constructor(options: IsolatedOptions) {
    this.#options = options
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#worker = new Worker(THREAD_SOURCE, {
      eval: true,
      name: options.jobType,
      workerData: threadData(options),
      ...(options.resourceLimits === undefined ? {} : { resourceLimits: options.resourceLimits }),
    })
    this.#worker.on('message', (message: ThreadMessage) => this.#receive(message))
    this.#worker.once('error', (error) => this.#decide(() => this.#reject(error)))
    this.#worker.once('exit', (code) => this.#exited(code))
    options.context.signal.addEventListener('abort', this.#abort, { once: true })
  }

  async kill(): Promise<void> {
    this.#isKilled = true
    this.#leaveTimer?.cancel()
    await this.#worker.terminate()
  }

  readonly #abort = (): void => {
    const reason: unknown = this.#options.context.signal.reason
    const code = reason instanceof MillraceError ? reason.code : 'JOB_CANCELLED'
    this.#worker.postMessage({
      kind: 'abort',
      code,
      message: String(reason instanceof Error ? reason.message : reason),
    })
  }

  #receive(message: ThreadMessage): void {
    if (this.#isKilled) return
    switch (message.kind) {
      case 'start':
        this.#options.onStart()
        break
      case 'call':
        void this.#call(message)
        break
      case 'stepped':
        this.#stepped(message)
        break
      case 'returned':
        this.#decide(() => this.#resolve(message.json === undefined ? undefined : JSON.parse(message.json)))
        break
      case 'snoozed':
        this.#decide(() => this.#reject(snooze(message.delayMs)))
        break
      case 'threw': {
        const error = reviveError(message.error, this.#options.handler)
        this.#decide(() => this.#reject(message.isFatal ? fatal(error) : error))
        break
      }
    }
  }

  async #perform({ id, method, argument }: CallMessage): Promise<unknown> {
    const { context } = this.#options
    if (method !== 'run') return callContext(context, method, argument)
    const [name, options] = Array.isArray(argument) ? (argument as [string, StepOptions | undefined]) : ['']
    return context.run(name, ({ tryNumber }) => this.#tryStep(id, tryNumber), options)
  }

  #tryStep(step: number, tryNumber: number): Promise<unknown> {
    const tryId = ++this.#lastTry
    const inScope = AsyncLocalStorage.snapshot()
    return new Promise((resolve, reject) => {
      this.#tries.set(tryId, { resolve, reject, inScope })
      this.#worker.postMessage({ kind: 'step', step, tryId, tryNumber })
    })
  }

  #stepped({ tryId, value, error, isFatal }: SteppedMessage): void {
    const current = this.#tries.get(tryId)
    this.#tries.delete(tryId)
    if (error === undefined) {
      current?.resolve(value)
      return
    }
    const revived = reviveError(error, this.#options.handler)
    const thrown = isFatal === true ? fatal(revived) : Object(revived)
    this.#stepErrors.add(thrown)
    current?.reject(thrown)
  }

  /** The first answer counts; it is passed on when the thread is gone. */
  #decide(answer: () => void): void {
    if (this.#answer !== undefined) return
    this.#answer = answer
    this.#options.onEnd()
    this.#leaveTimer = this.#options.clock.after(LEAVE_LIMIT_MS, () => void this.#worker.terminate())
  }

  #exited(code: number): void {
    this.#leaveTimer?.cancel()
    this.#options.context.signal.removeEventListener('abort', this.#abort)
    if (this.#isKilled) return
    if (this.#answer === undefined) this.#reject(new Error(`Worker stopped with exit code ${code}`))
    else this.#answer()
  }

  async #call(message: CallMessage): Promise<void> {
    const { id } = message
    try {
      // In the step whose function made the call, as if it had been made here.
      const inScope = message.scope === undefined ? undefined : this.#tries.get(message.scope)?.inScope
      const value = await (inScope === undefined ? this.#perform(message) : inScope(() => this.#perform(message)))
      this.#worker.postMessage({ kind: 'answer', id, value })
    } catch (error) {
      if (this.#stepErrors.has(Object(error))) {
        this.#worker.postMessage({ kind: 'answer', id, isOwn: true })
        return
      }
      const { code, message } =
        error instanceof MillraceError ? error : { code: 'OPTION_INVALID', message: String(error) }
      this.#worker.postMessage({ kind: 'answer', id, error: { code, message } })
    }
  }
}

interface CallMessage {
  readonly kind: 'call'
  readonly id: number
  readonly method: 'prolong' | 'setProgress' | 'setOutput' | 'run' | RemoteMethod
  /** Of the methods that take several, their list. */
  readonly argument: unknown
  /** The try of a step that the call is made in. */
  readonly scope?: number
}

type RemoteMethod =
  | 'log'
  | 'dependencies'
  | 'dependencyCounts'
  | 'addJob'
  | 'addJobs'
  | 'waitFor'
  | 'waitUntil'
  | 'createToken'
  | 'waitForToken'
  | 'waitForSignal'
  | 'waitForEvent'

interface SteppedMessage {
  readonly kind: 'stepped'
  readonly tryId: number
  readonly value?: unknown
  readonly error?: ThrownValue
  readonly isFatal?: boolean
}

/** One try of a step whose function is in the thread. */
interface ThreadTry {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
  /** Calls what it is given as if the step's function did. */
  readonly inScope: <T>(call: () => T) => T
}

interface ThrownValue {
  readonly isError: boolean
  readonly name?: string
  readonly message: string
  readonly stack?: string
  readonly code?: string
  readonly cause?: ThrownValue
}

type ThreadMessage =
  | { readonly kind: 'start' }
  | CallMessage
  | SteppedMessage
  | { readonly kind: 'returned'; readonly json: string | undefined }
  | { readonly kind: 'snoozed'; readonly delayMs: number }
  | { readonly kind: 'threw'; readonly isFatal: boolean; readonly error: ThrownValue }

type OtherMethod = Exclude<CallMessage['method'], 'run'>

function callContext(context: JobContext, method: OtherMethod, argument: unknown): unknown {
  if (method === 'prolong') return context.prolong(typeof argument === 'number' ? argument : undefined)
  if (method === 'setProgress') return context.setProgress(Number(argument))
  if (method === 'setOutput') return context.setOutput(typeof argument === 'string' ? JSON.parse(argument) : null)
  // What the types would have checked, the methods check themselves.
  return Reflect.apply(context[method], undefined, Array.isArray(argument) ? argument : [])
}

function threadData({ jobType, handler, payload, context }: IsolatedOptions): unknown {
  const data = Object.entries(context).filter(([name, value]) => name !== 'signal' && typeof value !== 'function')
  return {
    payload,
    context: Object.fromEntries(data),
    handler: isModuleHandler(handler)
      ? { module: moduleSpecifier(handler.module), exportName: handler.export ?? 'default' }
      : {
          source: handlerSource(handler, jobType),
          messages: { notAFunction: notAFunction(jobType), notDeserialized: notDeserialized(jobType) },
        },
  }
}

/** What `import()` takes in a thread that has no file of its own to resolve paths against. */
function moduleSpecifier(module: URL | string): string {
  if (typeof module !== 'string') return module.href
  const isPath = isAbsolute(module) || module.startsWith('./') || module.startsWith('../')
  return isPath ? pathToFileURL(resolvePath(module)).href : module
}

const CLOSURE_HINT =
  'a handler that is forcefully terminated runs in a thread of its own, where nothing exists that it closes over: ' +
  'import what it needs inside its body, or name the handler by its module'

function reviveError(thrown: ThrownValue, handler: JobHandler | ModuleHandler): unknown {
  if (!thrown.isError) return thrown.message
  const isClosure = thrown.name === 'ReferenceError' && !isModuleHandler(handler)
  const message = isClosure ? `${thrown.message} (${CLOSURE_HINT})` : thrown.message
  const options = thrown.cause === undefined ? {} : { cause: reviveError(thrown.cause, handler) }
  const error =
    thrown.name === 'MillraceError' && isCode(thrown.code)
      ? new MillraceError(thrown.code, message, options)
      : Object.assign(new Error(message, options), {
          name: thrown.name ?? 'Error',
          ...(thrown.code === undefined ? {} : { code: thrown.code }),
        })
  if (thrown.stack !== undefined) error.stack = thrown.stack
  return error
}

function isCode(code: string | undefined): code is MillraceErrorCode {
  return code !== undefined && Object.hasOwn(ERROR_CODES, code)
}
