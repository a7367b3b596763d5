import { setTimeout as sleep } from 'node:timers/promises'
import { initJobQueue } from 'millrace'
import { SCHEMA } from '../run/database.ts'
import { leaveWithParent, readTask } from '../run/task.ts'

export interface CountingTask {
  readonly name: string
  readonly url: string
  readonly leaseMs: number
}

/** A worker whose handlers do next to nothing: node worker.js '<CountingTask>'. Drains and leaves on SIGTERM. */
function main(): void {
  const { name, url, leaseMs } = readTask<CountingTask>()
  leaveWithParent()
  const queue = initJobQueue({ databaseConfig: { connectionString: url }, schema: SCHEMA, leaseMs })
  queue.on('error', () => undefined)
  const processor = queue.createProcessor(
    // Long enough that a kill finds some of them running.
    { count: () => sleep(5) },
    { workerId: name, concurrency: 50, onError: (error) => process.stderr.write(`${error.message}\n`) },
  )
  process.once('SIGTERM', () => void leave())
  async function leave(): Promise<void> {
    await processor.stopAndDrain(10_000)
    await queue.close({ drainMs: 0 })
    process.removeAllListeners('disconnect')
    process.disconnect()
  }
  processor.startInBackground()
}

main()
