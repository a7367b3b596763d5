import { lockedTable, fullServer } from './busy-server.ts'
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
} from './conditions.ts'
import { cut } from './cut.ts'
import { diskFull, walFull } from './disk-full.ts'
import { drain } from './drain.ts'
import { failover } from './failover.ts'
import type { Fault } from './fault.ts'
import { freezePastLease, freezeShortly } from './freeze.ts'
import { halfOpen } from './half-open.ts'
import { killProducer, killWorker } from './kill.ts'
import { latency } from './latency.ts'
import { loseReplies } from './lost-reply.ts'
import { partition } from './partition.ts'
import {
  busyRedis,
  crashLossyRedis,
  crashRedis,
  forgetScripts,
  fullMemory,
  killClients,
  losePower,
  promoteReplica,
} from './redis.ts'
import { killBackend, restartFast, restartImmediate } from './restart.ts'
import { terminate } from './terminate.ts'
import { throttle } from './throttle.ts'

/** Every fault there is, by the order of the documentation. */
export const FAULTS: readonly Fault[] = [
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
  failover,
  crashRedis,
  crashLossyRedis,
  losePower,
  promoteReplica,
  fullMemory,
  forgetScripts,
  killClients,
  busyRedis,
  diskFull,
  walFull,
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
