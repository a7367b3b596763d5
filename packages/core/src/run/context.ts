import type { DependencyCounts } from '../model/dependencies.ts'
import type {
  AddChild,
  AddChildren,
  ChildJob,
  ChildOptions,
  JobContext,
  OnTimeoutCallback,
  PendingChild,
} from '../model/handler.ts'
import { newLogLine } from '../model/log.ts'
import type { NewLogLine } from '../model/log.ts'
import type { Clock } from '../model/clock.ts'
import type { ClaimedJob } from '../store/claim.ts'
import type { RunSettings } from './attempt-contract.ts'
import type { WorkflowCalls } from './workflow.ts'

/** The attempt as its context sees it. */
export interface ContextSource {
  readonly job: ClaimedJob
  readonly workerId: string
  readonly signal: AbortSignal
  readonly clock: Clock
  /** Made at the first use. */
  readonly workflow: WorkflowCalls
  prolong(ms?: number): void
  onTimeout(callback: OnTimeoutCallback): void
  setProgress(percent: number): Promise<void>
  setOutput(value: unknown): Promise<void>
  readonly dependencyStore: RunSettings['dependencies']
  log(line: NewLogLine): void
}

/**
 * The context of one attempt: a plain object of own properties, so that it can be destructured, spread into a handler's own
 * context, and replaced in tests.
 */
export function createContext(source: ContextSource): JobContext {
  const { job } = source
  return {
    jobId: job.id,
    jobType: job.jobType,
    attempt: job.attempt,
    maxAttempts: job.maxAttempts,
    tags: job.tags ?? [],
    idempotencyKey: job.idempotencyKey,
    groupId: job.groupId,
    tenantId: job.tenantId,
    workerId: source.workerId,
    createdAt: new Date(job.createdAt),
    handlerVersion: job.handlerVersion,
    schedule: job.schedule,
    signal: source.signal,
    prolong: (ms) => source.prolong(ms),
    onTimeout: (callback) => source.onTimeout(callback),
    setProgress: (percent) => source.setProgress(percent),
    setOutput: (value) => source.setOutput(value),
    dependencies: async () => (await source.dependencyStore?.listDependencies({ id: job.id })) ?? [],
    dependencyCounts: async () => (await source.dependencyStore?.countDependencies({ id: job.id })) ?? NO_DEPENDENCIES,
    log: (message, fields, level) => source.log(newLogLine(message, fields, level, source.clock.now())),
    addJob: addJob(source),
    addJobs: addJobs(source),
    run: (name, fn, options) => source.workflow.run(name, fn, options),
    runTx: (name, fn, options) => source.workflow.runTx(name, fn, options),
    transaction: (fn, options) => source.workflow.transaction(fn, options),
    waitFor: (duration, options) => source.workflow.waitFor(duration, options),
    waitUntil: (date, options) => source.workflow.waitUntil(date, options),
    createToken: (options) => source.workflow.createToken(options),
    waitForToken: (tokenId, options) => source.workflow.waitForToken(tokenId, options),
    waitForSignal: (name, options) => source.workflow.waitForSignal(name, options),
    waitForEvent: (name, options) => source.workflow.waitForEvent(name, options),
  }
}

const NO_DEPENDENCIES: DependencyCounts = { total: 0, completed: 0, failed: 0, cancelled: 0, unfinished: 0 }

// What these answer follows from the options, which only overloads can say.

function addJob(source: ContextSource): AddChild {
  function add(job: ChildJob, options: ChildOptions & { readonly when: 'now' }): Promise<number>
  function add(job: ChildJob, options?: ChildOptions): Promise<PendingChild>
  function add(job: ChildJob, options?: ChildOptions): Promise<number | PendingChild> {
    return source.workflow.addJob(job, options)
  }
  return add
}

function addJobs(source: ContextSource): AddChildren {
  function add(jobs: readonly ChildJob[], options: ChildOptions & { readonly when: 'now' }): Promise<readonly number[]>
  function add(jobs: readonly ChildJob[], options?: ChildOptions): Promise<readonly PendingChild[]>
  function add(jobs: readonly ChildJob[], options?: ChildOptions): Promise<readonly (number | PendingChild)[]> {
    return source.workflow.addJobs(jobs, options)
  }
  return add
}
