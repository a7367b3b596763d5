import { MillraceError } from '../errors.ts'
import type { DependencyCounts, JobDependency } from '../model/dependencies.ts'
import type { JobContext, OnTimeoutCallback } from '../model/handler.ts'
import type { ClaimedJob } from '../store/claim.ts'

/** The attempt as its context sees it. */
export interface ContextSource {
  readonly job: ClaimedJob
  readonly workerId: string
  readonly signal: AbortSignal
  prolong(ms?: number): void
  onTimeout(callback: OnTimeoutCallback): void
  setProgress(percent: number): Promise<void>
  setOutput(value: unknown): Promise<void>
  dependencies(): Promise<readonly JobDependency[]>
  dependencyCounts(): Promise<DependencyCounts>
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
    dependencies: () => source.dependencies(),
    dependencyCounts: () => source.dependencyCounts(),
    run: refuseRun,
    waitFor: refuseWaitFor,
    waitUntil: refuseWaitUntil,
    createToken: refuseCreateToken,
    waitForToken: refuseWaitForToken,
  }
}

// Shared by all contexts: five closures less per attempt.
const refuseRun = (): Promise<never> => notYet('run')
const refuseWaitFor = (): Promise<never> => notYet('waitFor')
const refuseWaitUntil = (): Promise<never> => notYet('waitUntil')
const refuseCreateToken = (): Promise<never> => notYet('createToken')
const refuseWaitForToken = (): Promise<never> => notYet('waitForToken')

function notYet(method: string): Promise<never> {
  return Promise.reject(new MillraceError('NOT_YET', `ctx.${method}() is not available in this version`))
}
