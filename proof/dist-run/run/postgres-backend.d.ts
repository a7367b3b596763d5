import { type JobQueue } from 'millrace'
import type { Backend } from './backend.ts'
import { Database } from './database.ts'
import type { Proxy, ProxyTarget } from './proxy.ts'
import type { Settings } from './settings.ts'
import type { Connection } from './task.ts'
/** A PostgreSQL server of the run's own, with the schema in place. */
export declare class PostgresBackend implements Backend {
  #private
  readonly database: Database
  private constructor()
  static start(settings: Settings, folder: string): Promise<PostgresBackend>
  get target(): ProxyTarget
  connectionFor(proxy: Proxy): Connection
  onMoved(listener: (target: ProxyTarget) => void): void
  openQueue(): JobQueue
  clock(): Promise<number>
  log(): string
  stop(): Promise<void>
}
//# sourceMappingURL=postgres-backend.d.ts.map
