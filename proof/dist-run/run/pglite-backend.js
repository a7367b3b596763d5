import { join } from 'node:path'
import { initJobQueue } from 'millrace'
import { BUSINESS_TABLE, SCHEMA } from './database.js'
/** An embedded database that the processes of the run share; one of them runs it, and may be killed. */
export class PgliteBackend {
  target = undefined
  database = undefined
  #dataDir
  constructor(dataDir) {
    this.#dataDir = dataDir
  }
  static async start(folder) {
    const backend = new PgliteBackend(join(folder, 'data'))
    const queue = backend.openQueue()
    await queue.transaction(async (tx) => {
      await tx.query(`create table ${BUSINESS_TABLE} (tx text primary key)`)
    })
    await queue.close()
    return backend
  }
  connectionFor() {
    return { store: 'pglite', dataDir: this.#dataDir }
  }
  onMoved() {
    // There is no server that could move.
  }
  openQueue() {
    return initJobQueue({ backend: 'pglite', dataDir: this.#dataDir, schema: SCHEMA })
  }
  /** The embedded database has no clock of its own: it asks the machine. */
  clock() {
    return Promise.resolve(Date.now())
  }
  log() {
    return ''
  }
  async stop() {
    // Its last process has left.
  }
}
//# sourceMappingURL=pglite-backend.js.map
