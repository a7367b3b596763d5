import type { Store } from 'millrace/store'
import { auditVerbs } from './audit.ts'
import { changeVerbs } from './change.ts'
import type { ServerRules } from './check-server.ts'
import { claimVerbs } from './claim.ts'
import { dependencyVerbs } from './dependencies.ts'
import { enqueueVerbs } from './enqueue.ts'
import { inspectVerbs } from './inspect.ts'
import type { RedisInstance } from './instance.ts'
import { logVerbs } from './logs.ts'
import { maintainVerbs } from './maintain.ts'
import { metricVerbs } from './metrics.ts'
import { migrateVerbs } from './migrate.ts'
import { pauseVerbs } from './pause.ts'
import { scheduleVerbs } from './schedule.ts'
import { settleVerbs } from './settle.ts'
import { signalVerbs } from './signal.ts'
import { stepVerbs } from './steps.ts'
import { surveyVerbs } from './survey.ts'
import { transferVerbs } from './transfer.ts'
import { listenOn } from './wake.ts'

/** Commands share one connection in order; more of them under way would only make smaller batches. */
const PARALLELISM = 4

/** The contract on Redis. */
export function createRedisStore(
  instance: RedisInstance,
  { listens, rules }: { readonly listens: boolean; readonly rules: ServerRules },
): Store {
  return {
    kind: 'redis',
    features: {
      callerTransactions: false,
      push: listens,
      multiProcess: true,
      steps: true,
      explain: true,
      pauses: true,
    },
    parallelism: PARALLELISM,
    heartbeatTarget: null,
    ...enqueueVerbs(instance),
    ...claimVerbs(instance),
    ...settleVerbs(instance),
    ...inspectVerbs(instance),
    ...surveyVerbs(instance),
    ...dependencyVerbs(instance),
    ...changeVerbs(instance),
    ...scheduleVerbs(instance),
    ...logVerbs(instance),
    ...auditVerbs(instance),
    ...metricVerbs(instance),
    ...maintainVerbs(instance),
    ...migrateVerbs(instance, rules),
    ...pauseVerbs(instance),
    ...stepVerbs(instance),
    ...signalVerbs(instance),
    ...transferVerbs(instance),
    async listen(options) {
      if (listens) await listenOn(instance, options)
    },
    async close() {
      instance.close()
    },
  }
}
