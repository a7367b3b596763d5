import { join } from 'node:path'
import { initJobQueue, type JobQueue } from 'millrace'
import type { Backend } from './backend.ts'
import { SCHEMA, TABLES } from './database.ts'
import type { Connection } from './task.ts'

/** An embedded database that the processes of the run share; one of them runs it, and may be killed. */
export class PgliteBackend implements Backend {
  readonly target = undefined
  readonly database = undefined
  readonly redis = undefined
  readonly #dataDir: string

  private constructor(dataDir: string) {
    this.#dataDir = dataDir
  }

  static async start(folder: string): Promise<PgliteBackend> {
    const backend = new PgliteBackend(join(folder, 'data'))
    const queue = backend.openQueue()
    await queue.transaction(async (tx) => {
      for (const table of TABLES) await tx.query(table)
    })
    await queue.close()
    return backend
  }

  connectionFor(): Connection {
    return { store: 'pglite', dataDir: this.#dataDir }
  }

  onMoved(): void {
    // There is no server that could move.
  }

  openQueue(): JobQueue {
    return initJobQueue({ backend: 'pglite', dataDir: this.#dataDir, schema: SCHEMA })
  }

  /** The embedded database has no clock of its own: it asks the machine. */
  clock(): Promise<number> {
    return Promise.resolve(Date.now())
  }

  log(): string {
    return ''
  }

  async stop(): Promise<void> {
    // Its last process has left.
  }
}
