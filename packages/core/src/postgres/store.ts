import type { HeartbeatTarget, Store, Wake } from '../store/store.ts'
import { auditVerbs } from './audit.ts'
import { changeVerbs } from './change.ts'
import { claimVerbs } from './claim.ts'
import { dependencyVerbs } from './dependencies.ts'
import { enqueueVerbs } from './enqueue.ts'
import type { Executor } from './executor.ts'
import { inspectVerbs } from './inspect.ts'
import { logVerbs } from './logs.ts'
import { maintainVerbs } from './maintain.ts'
import { metricVerbs } from './metrics.ts'
import { type CompatibilitySchema, migrateVerbs } from './migrate.ts'
import { pauseVerbs } from './pause.ts'
import { scheduleVerbs } from './schedule.ts'
import { Database } from './schema.ts'
import { settleVerbs } from './settle.ts'
import { signalVerbs } from './signal.ts'
import { stepVerbs } from './steps.ts'
import { surveyVerbs } from './survey.ts'
import { transferVerbs } from './transfer.ts'

/** What `createPostgresStore` takes. */
export interface PostgresStoreOptions {
  readonly executor: Executor
  /** Already checked by `validateSchemaName`. */
  readonly schema: string
  /** Compatibility schemas that `migrate` installs too. */
  readonly with?: readonly CompatibilitySchema[]
  /** How a heartbeat thread can connect; `null` when it cannot. */
  readonly heartbeatConnection?: Readonly<Record<string, unknown>> | null
  /** The module that it connects with; absent: node-postgres. */
  readonly heartbeatDriver?: string
}

/** The contract on PostgreSQL, wherever it runs: a server, or embedded in this process. */
export function createPostgresStore(options: PostgresStoreOptions): Store {
  const db = new Database(options.executor, options.schema)
  const { executor } = options
  const listenOn = executor.listen
  const target: HeartbeatTarget | null = options.heartbeatConnection
    ? {
        connection: options.heartbeatConnection,
        schema: options.schema,
        ...(options.heartbeatDriver === undefined ? {} : { driver: options.heartbeatDriver }),
      }
    : null
  return {
    kind: executor.kind,
    features: {
      callerTransactions: true,
      push: listenOn !== undefined,
      multiProcess: true,
      steps: true,
      explain: true,
      pauses: true,
    },
    parallelism: executor.parallelism,
    heartbeatTarget: target,
    ...enqueueVerbs(db),
    ...claimVerbs(db),
    ...settleVerbs(db),
    ...inspectVerbs(db),
    ...surveyVerbs(db),
    ...dependencyVerbs(db),
    ...changeVerbs(db),
    ...scheduleVerbs(db),
    ...logVerbs(db),
    ...auditVerbs(db),
    ...metricVerbs(db),
    ...maintainVerbs(db),
    ...migrateVerbs(db, options.with),
    ...pauseVerbs(db),
    ...stepVerbs(db),
    ...signalVerbs(db),
    ...transferVerbs(db),
    async listen({ onWake, onError, signal }) {
      if (!listenOn) return
      await listenOn.call(executor, {
        channel: db.channel,
        onNotify: (payload) => {
          const wake = parseWake(payload)
          if (wake) onWake(wake)
        },
        // What was sent while the connection was gone is gone too: look everywhere.
        onReconnect: () => onWake({ kind: 'ready', priorities: [] }),
        onError,
        signal,
      })
    },
    close: () => executor.close(),
  }
}

/** `r` and levels ("r0,5"; "r" alone: any), `c` and a job id, or `s`. Anything else comes from a newer version and is ignored. */
function parseWake(payload: string): Wake | null {
  const rest = payload.slice(1)
  if (payload.startsWith('r'))
    return { kind: 'ready', priorities: rest === '' ? [] : rest.split(',').map(Number).filter(Number.isInteger) }
  if (payload.startsWith('c') && /^\d+$/.test(rest)) return { kind: 'cancel', jobId: Number(rest) }
  if (payload === 's') return { kind: 'schedules' }
  return null
}
