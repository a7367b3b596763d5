import { randomUUID } from 'node:crypto'
import { MillraceError } from '../errors.ts'
import { checkDate, checkOptions, checkTags, checkText, refuseOption } from '../model/check.ts'
import { decodePayload, encodePayload } from '../model/codec.ts'
import { durationMs, parseTimeout } from '../model/duration.ts'
import type {
  ChildJob,
  ChildOptions,
  CreateTokenOptions,
  JobContext,
  PendingChild,
  StepContext,
  StepOptions,
  WaitDuration,
  WaitLimits,
  WaitOptions,
  WaitToken,
  WaitTokenResult,
} from '../model/handler.ts'
import { waitResult } from '../model/step-data.ts'
import type { TransactionClient, TransactionOptions } from '../model/transaction.ts'
import type { NewStep, NewWait, StoredStep, StoredValue } from '../store/steps.ts'
import type { NewJob } from '../store/enqueue.ts'
import { Activity } from './activity.ts'
import { Children } from './children.ts'
import { leaseLost } from './reporter.ts'
import { stepPolicy } from './step-options.ts'
import { StepRunner } from './step-runner.ts'
import type { StepScope } from './step-scope.ts'
import { inTransaction, persist, type WorkflowHost, type WorkflowSettings } from './workflow-host.ts'

/** The part of a handler's context that remembers. */
export type WorkflowCalls = Pick<
  JobContext,
  | 'run'
  | 'runTx'
  | 'transaction'
  | 'waitFor'
  | 'waitUntil'
  | 'createToken'
  | 'waitForToken'
  | 'waitForSignal'
  | 'waitForEvent'
> & {
  addJob(job: ChildJob, options?: ChildOptions): Promise<number | PendingChild>
  addJobs(jobs: readonly ChildJob[], options?: ChildOptions): Promise<readonly (number | PendingChild)[]>
}

interface Remembered {
  readonly step: StoredStep
  /** Of ending. */
  readonly order: number
}

/**
 * The steps and waits of one attempt. What earlier runs of the handler left is loaded at the first call, in one query, and only
 * if there was an earlier run. Each step is stored as a row of its own before its call resolves.
 */
export class Workflow implements WorkflowCalls {
  readonly #host: WorkflowHost
  readonly #settings: WorkflowSettings
  readonly #activity: Activity
  readonly #runner: StepRunner
  readonly #children: Children
  #memory: Promise<ReadonlyMap<string, Remembered>> | undefined
  /** Keys that this run of the handler has come to. */
  readonly #names = new Set<string>()
  readonly #counts = { waits: 0, tokens: 0 }

  constructor(host: WorkflowHost, settings: WorkflowSettings) {
    this.#host = host
    this.#settings = settings
    this.#activity = new Activity(host)
    this.#children = new Children({
      host,
      settings: settings.children,
      claim: (name) => this.#claim(name),
      recall: async (key) => addedIds(await this.#recall(key)),
      remember: (key, ids) => this.#remember(key, ids),
    })
    this.#runner = new StepRunner({
      host,
      settings,
      activity: this.#activity,
      children: this.#children,
      forget: (scope) => this.#forget(scope),
    })
  }

  run<T>(name: string, fn: (step: StepContext) => T | Promise<T>, options?: StepOptions): Promise<T> {
    return this.#guarded(async () => {
      const key = this.#stepKey(name, fn)
      const policy = stepPolicy(options)
      this.#claim(key)
      const known = await this.#recall(key)
      if (known?.status === 'done') return decoded(known.result) as T
      return this.#runner.run({ name, key, policy }, fn)
    })
  }

  runTx<T>(
    name: string,
    fn: (tx: TransactionClient, step: StepContext) => Promise<T>,
    options?: StepOptions,
  ): Promise<T> {
    return this.#guarded(async () => {
      const key = this.#stepKey(name, fn)
      const policy = stepPolicy(options)
      this.#refuseInTransaction('ctx.runTx()', 'Use `ctx.run` for steps of the transaction around it')
      this.#claim(key)
      const known = await this.#recall(key)
      if (known?.status === 'done') return decoded(known.result) as T
      return this.#runner.runTx({ name, key, policy }, fn)
    })
  }

  transaction<T>(fn: (tx: TransactionClient) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    return this.#guarded(async () => {
      checkFunction('fn', fn)
      this.#refuseInTransaction('ctx.transaction()', 'Do it all in one')
      if (this.#scope !== undefined)
        refuseOption('ctx.transaction', 'a call in a step', 'called outside of steps', 'Use `ctx.runTx` for a step')
      // Steps inside ask for it, when the transaction may hold the only connection.
      await this.#remembered()
      return this.#activity.during(() => this.#runner.complete(fn, options))
    })
  }

  async waitFor(duration: WaitDuration, options?: WaitOptions): Promise<void> {
    await this.#guarded(() => {
      const until = { delayMs: durationMs(duration) }
      return this.#wait({ kind: 'time', until, awaited: null, filter: null }, options)
    })
  }

  async waitUntil(date: Date, options?: WaitOptions): Promise<void> {
    await this.#guarded(() => {
      checkDate('date', date)
      return this.#wait({ kind: 'time', until: { at: date }, awaited: null, filter: null }, options)
    })
  }

  createToken(options: CreateTokenOptions = {}): Promise<WaitToken> {
    return this.#guarded(async () => {
      const token = newToken(options)
      const counts = this.#scope?.counts ?? this.#counts
      const key = `k:${this.#scope?.prefix ?? ''}${counts.tokens++}`
      this.#refuseInTransaction('ctx.createToken()', 'Make the token before it')
      const known = await this.#recall(key)
      if (known?.awaited) return { id: known.awaited }
      const { id, token: lease, attempt } = this.#host.job
      return this.#call(() => this.#settings.store.createJobToken({ id, token: lease, attempt, key, ...token }))
    })
  }

  waitForToken<T>(tokenId: string, options?: WaitLimits): Promise<WaitTokenResult<T>> {
    return this.#guarded(() => {
      checkText('tokenId', tokenId)
      return this.#awaited<T>({ kind: 'token', until: limit(options), awaited: tokenId, filter: null }, options)
    })
  }

  waitForSignal<T>(name: string, options?: WaitLimits): Promise<WaitTokenResult<T>> {
    return this.#guarded(() => {
      checkText('name', name)
      return this.#awaited<T>(
        { kind: 'signal', until: limit(options), awaited: `signal:${name}`, filter: null },
        options,
      )
    })
  }

  waitForEvent<T>(
    name: string,
    options: WaitLimits & { readonly filter?: Readonly<Record<string, unknown>> | undefined } = {},
  ): Promise<WaitTokenResult<T>> {
    return this.#guarded(() => {
      checkText('name', name)
      const { filter: wanted, ...limits } = options
      const filter = wanted === undefined ? null : encodePayload(wanted, { path: 'filter' })
      return this.#awaited<T>({ kind: 'event', until: limit(limits), awaited: `event:${name}`, filter }, limits)
    })
  }

  async addJob(job: ChildJob, options: ChildOptions = {}): Promise<number | PendingChild> {
    const [added] = await this.addJobs([job], options)
    return added ?? 0
  }

  addJobs(jobs: readonly ChildJob[], options: ChildOptions = {}): Promise<readonly (number | PendingChild)[]> {
    return this.#guarded(() => this.#activity.during(() => this.#children.add(jobs, options, this.#scope)))
  }

  /** What is to be added with the completion. */
  get pendingChildren(): readonly NewJob[] {
    return this.#children.pending
  }

  get #scope(): StepScope | undefined {
    return this.#settings.scopes.getStore()
  }

  async #awaited<T>(
    wait: Omit<NewWait, 'key' | 'attempt'>,
    options: WaitOptions | undefined,
  ): Promise<WaitTokenResult<T>> {
    const { kind, isTimedOut, result } = await this.#wait(wait, options)
    return waitResult(kind, isTimedOut, decoded(result) ?? null) as WaitTokenResult<T>
  }

  /** Resolves with a wait that is over. */
  async #wait(wait: Omit<NewWait, 'key' | 'attempt'>, options: WaitOptions | undefined): Promise<StoredStep> {
    const scope = this.#scope
    const key = this.#waitKey(options, scope)
    this.#refuseInTransaction('A wait', 'Wait before or after it')
    this.#claim(key)
    const known = await this.#recall(key)
    if (known !== undefined && (known.kind !== wait.kind || known.awaited !== wait.awaited))
      throw workflowChanged(key, known, wait)
    const { id, token, attempt } = this.#host.job
    const opened =
      known ?? (await this.#call(() => this.#settings.store.openWait({ id, token, wait: { ...wait, key, attempt } })))
    if (opened === 'unknown_token') throw tokenNotFound(wait.awaited)
    if (opened.status === 'done') return opened
    this.#activity.waits(key, scope)
    return never()
  }

  #waitKey(options: WaitOptions | undefined, scope: StepScope | undefined): string {
    if (options !== undefined) {
      checkOptions('options', options, WAIT_OPTIONS, "{ name: 'reminder' }")
      if (options.name !== undefined) {
        checkText('name', options.name)
        return `n:${options.name}`
      }
    }
    const counts = scope?.counts ?? this.#counts
    return `p:${scope?.prefix ?? ''}${counts.waits++}`
  }

  #stepKey(name: string, fn: unknown): string {
    checkText('name', name)
    checkFunction('fn', fn)
    return `s:${name}`
  }

  /** Registers what this run of the handler has come to. */
  #claim(key: string): void {
    if (this.#names.has(key)) throw duplicate(key)
    this.#names.add(key)
    this.#scope?.names.push(key)
  }

  #forget(scope: StepScope): void {
    this.#activity.forget(scope)
    for (const name of scope.names.splice(0)) this.#names.delete(name)
    scope.counts.waits = 0
    scope.counts.tokens = 0
    scope.counts.children = 0
    scope.counts.adds = 0
  }

  /** What an earlier run left under this key, once it is its turn. */
  async #recall(key: string): Promise<StoredStep | undefined> {
    const known = (await this.#remembered())?.get(key)
    if (known === undefined || known.step.status !== 'done') return known?.step
    await this.#activity.replay(known.order)
    return known.step
  }

  /** Stores what adding children came to, as a step of its own. */
  async #remember(key: string, ids: readonly number[]): Promise<void> {
    const { id, token, attempt } = this.#host.job
    const result: StoredValue = { text: JSON.stringify(ids), codec: 'json' }
    const step: NewStep = { key, attempt, tries: 1, durationMs: 0, outcome: { kind: 'done', result } }
    await this.#call(() => this.#settings.store.storeStep({ id, token, step }))
  }

  #remembered(): Promise<ReadonlyMap<string, Remembered>> | undefined {
    if (this.#host.job.isAgain !== true) return undefined
    this.#memory ??= this.#activity.during(() => this.#load())
    return this.#memory
  }

  async #load(): Promise<ReadonlyMap<string, Remembered>> {
    const { id, token } = this.#host.job
    const steps = await this.#call(() => this.#settings.store.loadSteps({ id, token }))
    return new Map(steps.map((step, order) => [step.key, { step, order }]))
  }

  async #call<T>(call: () => Promise<T | 'lost'>): Promise<T> {
    const answer = await this.#activity.during(() => persist(this.#host, call))
    if (answer !== 'lost') return answer
    this.#host.lose()
    throw leaseLost()
  }

  #refuseInTransaction(call: string, remedy: string): void {
    if (this.#scope?.tx !== undefined) throw inTransaction(call, remedy)
  }

  /** Code that still runs beside a suspended handler must not go on; what is over must be told so. */
  #guarded<T>(call: () => Promise<T>): Promise<T> {
    switch (this.#host.phase) {
      case 'suspended':
        return never()
      case 'over':
        return handled(Promise.reject(leaseLost()))
      case 'running':
        return handled(rejecting(call))
    }
  }
}

const WAIT_OPTIONS: ReadonlySet<string> = new Set(['name', 'timeout'])

async function rejecting<T>(call: () => Promise<T>): Promise<T> {
  return call()
}

function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined)
  return promise
}

function never(): Promise<never> {
  return new Promise(() => undefined)
}

function decoded(value: StoredValue | null): unknown {
  return value === null ? undefined : decodePayload(value.text, value.codec)
}

function addedIds(step: StoredStep | undefined): readonly number[] | undefined {
  const ids = step?.status === 'done' ? decoded(step.result) : undefined
  return Array.isArray(ids) ? ids.filter((id): id is number => typeof id === 'number') : undefined
}

function limit(options: WaitLimits | undefined): NewWait['until'] {
  return options?.timeout === undefined ? null : { delayMs: parseTimeout(options.timeout) }
}

function checkFunction(field: string, value: unknown): void {
  if (typeof value !== 'function') refuseOption(field, value, 'a function', 'Pass `async () => …`')
}

/** A token as a store takes it. @throws MillraceError `OPTION_INVALID` */
export function newToken(options: CreateTokenOptions): {
  readonly tokenId: string
  readonly timeoutMs: number | null
  readonly tags: readonly string[] | null
} {
  checkOptions('options', options, TOKEN_OPTIONS, "{ timeout: '24h' }")
  const { timeout, tags } = options
  if (tags !== undefined) checkTags('tags', tags)
  return {
    tokenId: `wp_${randomUUID()}`,
    timeoutMs: timeout === undefined ? null : parseTimeout(timeout),
    tags: tags ?? null,
  }
}

const TOKEN_OPTIONS: ReadonlySet<string> = new Set(['timeout', 'tags'])

function duplicate(key: string): MillraceError {
  const what = key.startsWith('s:') ? 'step' : key.startsWith('c:') ? 'child' : 'wait'
  const name = key.slice(2).replace(/^child:/, '')
  const remedy = `Give each ${what} a name of its own, such as \`${name}-2\`; in a loop put the index into it`
  return new MillraceError(
    'STEP_DUPLICATE',
    `There are two ${what === 'child' ? 'children' : `${what}s`} called ${JSON.stringify(name)}. ${remedy}.`,
    {
      details: { field: 'name', value: name, remedy },
    },
  )
}

function workflowChanged(key: string, known: StoredStep, wait: Omit<NewWait, 'key' | 'attempt'>): MillraceError {
  const told = ({ kind, awaited }: Pick<StoredStep, 'kind' | 'awaited'>): string =>
    awaited === null ? `a ${kind}` : `the ${kind} ${awaited.replace(/^(signal|event):/, '')}`
  const where = key.startsWith('n:') ? `The wait ${JSON.stringify(key.slice(2))}` : `Wait ${key.slice(2)}`
  const remedy = 'Name waits, make tokens with `ctx.createToken`, or use a new job type for the changed handler'
  return new MillraceError(
    'WORKFLOW_CHANGED',
    `${where} of this job was for ${told(known)}; the handler came there to wait for ${told(wait)}. ${remedy}.`,
    { details: { field: key.slice(2), remedy } },
  )
}

function tokenNotFound(tokenId: string | null): MillraceError {
  return new MillraceError('TOKEN_NOT_FOUND', `No token has the id ${JSON.stringify(tokenId)}.`, {
    details: { field: 'tokenId', value: tokenId, remedy: 'Pass the `id` of what `createToken` resolved with' },
  })
}
