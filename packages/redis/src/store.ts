import type { Store } from 'millrace/store'
import { changeVerbs } from './change.ts'
import type { ServerRules } from './check-server.ts'
import { claimVerbs } from './claim.ts'
import { enqueueVerbs } from './enqueue.ts'
import { inspectVerbs } from './inspect.ts'
import type { RedisInstance } from './instance.ts'
import { maintainVerbs } from './maintain.ts'
import { migrateVerbs } from './migrate.ts'
import { scheduleVerbs } from './schedule.ts'
import { settleVerbs } from './settle.ts'
import { listenOn } from './signal.ts'

/** Commands share one connection in order; more of them under way would only make smaller batches. */
const PARALLELISM = 4

/** The contract on Redis. */
export function createRedisStore(
  instance: RedisInstance,
  { listens, rules }: { readonly listens: boolean; readonly rules: ServerRules },
): Store {
  return {
    kind: 'redis',
    features: { callerTransactions: false, push: listens, multiProcess: true },
    parallelism: PARALLELISM,
    heartbeatTarget: null,
    ...enqueueVerbs(instance),
    ...claimVerbs(instance),
    ...settleVerbs(instance),
    ...inspectVerbs(instance),
    ...changeVerbs(instance),
    ...scheduleVerbs(instance),
    ...maintainVerbs(instance),
    ...migrateVerbs(instance, rules),
    async listen(options) {
      if (listens) await listenOn(instance, options)
    },
    async close() {
      instance.close()
    },
  }
}
