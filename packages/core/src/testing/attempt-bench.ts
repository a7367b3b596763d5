import { AsyncLocalStorage } from 'node:async_hooks'
import type { JobHandler } from '../model/handler.ts'
import { createHandlerEntry, type HandlerEntry } from '../run/handler-entry.ts'
import { startAttempt } from '../run/attempt.ts'
import type { Attempt, RunSettings } from '../run/attempt-contract.ts'
import type { ClaimedJob } from '../store/claim.ts'
import type { WorkflowSettings } from '../run/workflow-host.ts'
import type { ReportOptions, SettleResult } from '../store/settle.ts'
import { ManualClock } from './manual-clock.ts'

/** Runs single attempts without a store, on a clock that a test moves. */
export interface AttemptBench {
  readonly clock: ManualClock
  /** What the attempts reported, all of it stored. */
  readonly reports: ReportOptions[]
  readonly start: (handler: JobHandler | undefined, job?: Partial<ClaimedJob>, entry?: Partial<HandlerEntry>) => Attempt
}

/** A claimed job of type `email` with the second of three attempts, and no time limit. */
export const CLAIMED_JOB: ClaimedJob = {
  id: 7,
  token: 70,
  jobType: 'email',
  payload: '{"to":"a@b.c"}',
  codec: 'json',
  attempt: 2,
  maxAttempts: 3,
  priority: 0,
  readySeq: 1,
  timeoutMs: null,
  forceKillOnTimeout: false,
  tags: ['x'],
  idempotencyKey: 'key',
  groupId: 'group',
  tenantId: null,
  createdAt: '2026-01-01T00:00:00.000Z',
  retry: { delay: null, backoff: null, delayMax: null },
  handlerVersion: null,
  schedule: null,
}

export function createAttemptBench(settings: Partial<RunSettings> = {}): AttemptBench {
  const clock = new ManualClock()
  const reports: ReportOptions[] = []
  const report = (given: ReportOptions): Promise<SettleResult> => {
    reports.push(given)
    return Promise.resolve('settled')
  }
  return {
    clock,
    reports,
    start(handler, job = {}, entry = {}) {
      const made = handler === undefined ? undefined : { ...createHandlerEntry('email', handler), ...entry }
      return startAttempt({ ...CLAIMED_JOB, ...job }, made, {
        clock,
        workerId: 'worker',
        workflow: forgetful(),
        report,
        ...settings,
      })
    },
  }
}

/** Takes every step and wait, remembers none, and has no transactions. */
export function forgetful(): WorkflowSettings {
  return {
    store: {
      loadSteps: () => Promise.resolve([]),
      storeStep: () => Promise.resolve('settled'),
      findStep: () => Promise.resolve('absent'),
      openWait: ({ wait: { key, kind, awaited } }) =>
        Promise.resolve({ key, kind, awaited, status: 'pending', isTimedOut: false, tries: 1, result: null }),
      completeIn: () => Promise.resolve('settled'),
      findCompletion: () => Promise.resolve('open'),
      createJobToken: ({ tokenId }) => Promise.resolve({ id: tokenId }),
    },
    transact: () => Promise.reject(new Error('no transactions here')),
    scopes: new AsyncLocalStorage(),
    children: { prepare: () => [], add: () => Promise.resolve([]) },
    keepCompleted: true,
    maxBytes: 1_048_576,
  }
}
