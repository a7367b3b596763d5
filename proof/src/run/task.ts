import type { JobQueueConfig } from 'millrace'
import { DATABASE, SCHEMA } from './database.ts'
import type { LoadOptions } from './settings.ts'

/** How a process of the run reaches its queue. */
export type Connection =
  | {
      readonly store: 'postgres'
      /** Through the process's own proxy. */
      readonly port: number
      readonly user: string
      readonly poolSize: number
      /** Whether notifications pass: not through a transaction pooler. */
      readonly listen: boolean
      readonly migrate: 'auto' | 'check'
    }
  | { readonly store: 'pglite'; readonly dataDir: string }
  /** Through the process's own proxy. */
  | { readonly store: 'redis'; readonly port: number }

/** Names the instance of a run on Redis. */
export const REDIS_PREFIX = 'proof:'

interface TaskBase {
  /** Names the process in the history. */
  readonly name: string
  readonly historyFolder: string
  readonly connection: Connection
  readonly leaseMs: number
}

export interface WorkerTask extends TaskBase {
  readonly concurrency: number
  readonly groupConcurrency: number
  readonly pollMs: number
  readonly heartbeatMs: number
  readonly drainMs: number
}

export interface ProducerTask extends TaskBase {
  readonly seed: number
  readonly load: LoadOptions
  readonly perSecond: number
}

/** The task of this process: its first argument, which the run that started it made. */
export function readTask<Task>(): Task {
  const task: Task = JSON.parse(process.argv[2] ?? '')
  return task
}

export function queueConfig(connection: Connection, leaseMs: number): JobQueueConfig {
  if (connection.store === 'pglite') return { backend: 'pglite', dataDir: connection.dataDir, schema: SCHEMA, leaseMs }
  if (connection.store === 'redis') {
    const redisConfig = { host: '127.0.0.1', port: connection.port }
    return { backend: 'redis', redisConfig, keyPrefix: REDIS_PREFIX, leaseMs }
  }
  const { port, user, poolSize, listen, migrate } = connection
  return {
    databaseConfig: { connectionString: urlOf(connection), max: poolSize, application_name: `proof ${user} ${port}` },
    schema: SCHEMA,
    leaseMs,
    listen,
    migrate,
  }
}

export function urlOf({ user, port }: { readonly user: string; readonly port: number }): string {
  return `postgres://${user}@127.0.0.1:${port}/${DATABASE}`
}

/** Ends this process when the run that started it is gone. */
export function leaveWithParent(): void {
  process.on('disconnect', () => process.exit(3))
}
