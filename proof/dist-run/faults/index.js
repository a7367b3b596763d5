import { lockedTable, fullServer } from './busy-server.js'
import {
  abuse,
  blockedLoop,
  lastAttempt,
  leastPrivilege,
  pgbouncer,
  poolOfOne,
  roleTimeouts,
  serializable,
  wrongClocks,
} from './conditions.js'
import { cut } from './cut.js'
import { drain } from './drain.js'
import { freezePastLease, freezeShortly } from './freeze.js'
import { halfOpen } from './half-open.js'
import { killProducer, killWorker } from './kill.js'
import { latency } from './latency.js'
import { loseReplies } from './lost-reply.js'
import { partition } from './partition.js'
import { killBackend, restartFast, restartImmediate } from './restart.js'
import { terminate } from './terminate.js'
import { throttle } from './throttle.js'
/** Every fault there is, by the order of the documentation. */
export const FAULTS = [
  killWorker,
  killProducer,
  lastAttempt,
  freezeShortly,
  freezePastLease,
  blockedLoop,
  drain,
  terminate,
  loseReplies,
  cut,
  partition,
  halfOpen,
  latency,
  throttle,
  restartFast,
  restartImmediate,
  killBackend,
  lockedTable,
  fullServer,
  poolOfOne,
  serializable,
  roleTimeouts,
  leastPrivilege,
  pgbouncer,
  wrongClocks,
  abuse,
]
//# sourceMappingURL=index.js.map
