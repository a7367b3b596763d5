import { initJobQueue } from 'millrace'
import { APP_ROLE, Database, OWNER_ROLE, SCHEMA } from './database.js'
import { Pooler } from './pooler.js'
/** A PostgreSQL server of the run's own, with the schema in place. */
export class PostgresBackend {
  database
  #settings
  #pooler
  constructor(database, settings, pooler) {
    this.database = database
    this.#settings = settings
    this.#pooler = pooler
  }
  static async start(settings, folder) {
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
  get target() {
    return this.#pooler?.target ?? this.database.target
  }
  connectionFor(proxy) {
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
  onMoved(listener) {
    this.database.onMoved = async (target) => {
      await this.#pooler?.retarget(target)
      listener(this.target)
    }
  }
  openQueue() {
    const connectionString = this.database.url(OWNER_ROLE)
    return initJobQueue({ databaseConfig: { connectionString, max: 2 }, schema: SCHEMA })
  }
  async clock() {
    const [row] = await this.database.sql('select extract(epoch from clock_timestamp()) * 1000 as ms')
    return Number(row?.['ms'])
  }
  log() {
    return this.database.server.log()
  }
  async stop() {
    await this.#pooler?.stop()
    await this.database.stop()
  }
}
//# sourceMappingURL=postgres-backend.js.map
