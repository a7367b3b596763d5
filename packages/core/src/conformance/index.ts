/**
 * The contract as runnable cases: a behaviour of a store is defined by a case here, and done when it passes on every
 * store. Framework-free, so that a store outside this repository can be held to it as well.
 */
import { deepStrictEqual } from 'node:assert/strict'
import { auditCases } from './audit.ts'
import { Bench } from './bench.ts'
import { cancelCases } from './cancel.ts'
import type { ConformanceCase, ConformanceNeed, ConformanceTarget } from './case.ts'
import { childCases } from './children.ts'
import { claimCases } from './claim.ts'
import { declaredScheduleCases } from './declared-schedules.ts'
import { dependencyCases } from './dependencies.ts'
import { dependencyFailureCases } from './dependency-failures.ts'
import { dependencyRaceCases } from './dependency-races.ts'
import { editCases } from './edit.ts'
import { enqueueCases } from './enqueue.ts'
import { fencingCases } from './fencing.ts'
import { groupCases } from './groups.ts'
import { explainCases } from './explain.ts'
import { inspectCases } from './inspect.ts'
import { keyCases } from './keys.ts'
import { logCases } from './logs.ts'
import { maintainCases } from './maintain.ts'
import { metricCases } from './metrics.ts'
import { migrateCases } from './migrate.ts'
import { pauseCases } from './pauses.ts'
import { payloadCases } from './payloads.ts'
import { queueCases } from './queues.ts'
import { retentionCases } from './retention.ts'
import { retryCases } from './retry.ts'
import { scheduleCases } from './schedules.ts'
import { settleCases } from './settle.ts'
import { signalCases } from './signals.ts'
import { versionCases } from './versions.ts'
import { tagBarrierCases } from './tag-barriers.ts'
import { surveyCases } from './survey.ts'
import { stepCases } from './steps.ts'
import { tokenCases } from './tokens.ts'
import { traceCases } from './traces.ts'
import { transactionCases } from './transactions.ts'
import { transferCases } from './transfers.ts'
import { waitCases } from './waits.ts'
import { workerCases } from './workers.ts'

export { Bench } from './bench.ts'
export type { ConformanceCase, ConformanceNeed, ConformanceTarget } from './case.ts'

/** Every case; no two have the same name. */
export const conformanceCases: readonly ConformanceCase[] = [
  ...enqueueCases,
  ...payloadCases,
  ...claimCases,
  ...settleCases,
  ...fencingCases,
  ...workerCases,
  ...groupCases,
  ...queueCases,
  ...keyCases,
  ...dependencyCases,
  ...dependencyFailureCases,
  ...tagBarrierCases,
  ...dependencyRaceCases,
  ...childCases,
  ...cancelCases,
  ...retryCases,
  ...editCases,
  ...inspectCases,
  ...surveyCases,
  ...explainCases,
  ...pauseCases,
  ...logCases,
  ...auditCases,
  ...metricCases,
  ...maintainCases,
  ...retentionCases,
  ...migrateCases,
  ...signalCases,
  ...scheduleCases,
  ...declaredScheduleCases,
  ...versionCases,
  ...stepCases,
  ...waitCases,
  ...tokenCases,
  ...transactionCases,
  ...traceCases,
  ...transferCases,
]

/** What `runConformance` takes. */
export interface ConformanceOptions {
  /** What the store is called in the names of tests. */
  readonly name: string
  /** Called before each case; may answer the same target again. The runner resets it, and never closes it. */
  readonly openStore: () => Promise<ConformanceTarget>
  /** Registers a test, as `test` of most test runners does. */
  readonly test: (name: string, run: () => Promise<void>) => unknown
  /** What this place cannot offer; cases that need it are left out. */
  readonly lacks?: readonly ConformanceNeed[]
}

/** Registers every case with `test`. After each, the store's own checker must find nothing impossible. */
export function runConformance({ name, openStore, test, lacks = [] }: ConformanceOptions): void {
  for (const { name: sentence, needs = [], run } of conformanceCases) {
    if (needs.some((need) => lacks.includes(need))) continue
    test(`${name}: ${sentence}`, async () => {
      const target = await openStore()
      await target.reset()
      await run(new Bench(target))
      deepStrictEqual([...(await target.store.checkInvariants())], [], 'what is stored is possible')
    })
  }
}
