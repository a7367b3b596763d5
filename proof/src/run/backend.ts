import type { JobQueue } from 'millrace'
import type { Database } from './database.ts'
import type { RedisServer } from './redis-server.ts'
import type { Proxy, ProxyTarget } from './proxy.ts'
import type { Connection } from './task.ts'

/** The store of a run, as the harness has it. */
export interface Backend {
  /** Where the proxies of the processes lead; absent where no network is between. */
  readonly target: ProxyTarget | undefined
  /** Of PostgreSQL. */
  readonly database: Database | undefined
  readonly redis: RedisServer | undefined
  connectionFor(proxy: Proxy): Connection
  /** Told when the server is another one. */
  onMoved(listener: (target: ProxyTarget) => void): void
  /** A queue for the harness itself, on a way that no fault is on. Only in the quiet at the end. */
  openQueue(): JobQueue
  /** What the database's clock shows, in milliseconds since 1970. */
  clock(): Promise<number>
  /** Whatever the server said that matters when a run has failed. */
  log(): string
  stop(): Promise<void>
}
