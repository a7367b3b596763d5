import { initJobQueue, type JobQueue } from 'millrace'
import type { Backend } from './backend.ts'
import { APP_ROLE, Database, OWNER_ROLE, SCHEMA } from './database.ts'
import { Pooler } from './pooler.ts'
import type { Proxy, ProxyTarget } from './proxy.ts'
import type { Settings } from './settings.ts'
import type { Connection } from './task.ts'

/** A PostgreSQL server of the run's own, with the schema in place. */
export class PostgresBackend implements Backend {
  readonly database: Database
  readonly redis = undefined
  readonly #settings: Settings
  readonly #pooler: Pooler | undefined

  private constructor(database: Database, settings: Settings, pooler: Pooler | undefined) {
    this.database = database
    this.#settings = settings
    this.#pooler = pooler
  }

  static async start(settings: Settings, folder: string): Promise<PostgresBackend> {
    const database = await Database.start(settings)
    const backend = new PostgresBackend(
      database,
      settings,
      settings.pooler ? await Pooler.start(folder, database.target) : undefined,
    )
    const queue = backend.openQueue()
    await queue.ready()
    await queue.close()
    await database.grant()
    await database.restrict()
    return backend
  }

  get target(): ProxyTarget {
    return this.#pooler?.target ?? this.database.target
  }

  connectionFor(proxy: Proxy): Connection {
    const { poolSize, pooler, leastPrivilege } = this.#settings
    return {
      store: 'postgres',
      port: proxy.port,
      user: APP_ROLE,
      poolSize,
      listen: !pooler,
      migrate: leastPrivilege ? 'check' : 'auto',
    }
  }

  onMoved(listener: (target: ProxyTarget) => void): void {
    this.database.onMoved = async (target) => {
      await this.#pooler?.retarget(target)
      listener(this.target)
    }
  }

  openQueue(): JobQueue {
    const connectionString = this.database.url(OWNER_ROLE)
    return initJobQueue({ databaseConfig: { connectionString, max: 2 }, schema: SCHEMA })
  }

  async clock(): Promise<number> {
    const [row] = await this.database.sql('select extract(epoch from clock_timestamp()) * 1000 as ms')
    return Number(row?.['ms'])
  }

  log(): string {
    return this.database.server.log()
  }

  async stop(): Promise<void> {
    await this.#pooler?.stop()
    await this.database.stop()
  }
}
