/** Works on jobs with a short lease, one at a time, and blocks its event loop for as long as a job says. Tells of both ends. */
import { initJobQueue } from 'millrace'

const [dataDir = ''] = process.argv.slice(2)
const queue = initJobQueue({ backend: 'pglite', dataDir, leaseMs: 5_000 })
queue.on('error', () => undefined)
await queue.ready()
const processor = queue.createProcessor(
  {
    block: async ({ ms }) => {
      await new Promise((resolve) => process.send?.({ started: process.pid }, resolve))
      const until = performance.now() + ms
      while (performance.now() < until) {
        // Busy.
      }
    },
  },
  { concurrency: 1, pollInterval: 200, onError: (error) => process.send?.({ failed: error.message }) },
)
processor.startInBackground()
process.send?.({ ready: true })
process.on('disconnect', () => process.exit())
