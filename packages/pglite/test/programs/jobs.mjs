/**
 * Adds jobs one after the other, works on jobs, and tells its parent of both, until it is told to `stop` adding and then
 * to `leave`.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { initJobQueue } from 'millrace'

const [dataDir = ''] = process.argv.slice(2)
const queue = initJobQueue({ backend: 'pglite', dataDir, leaseMs: 20_000 })
queue.on('error', () => undefined)
const processor = queue.createProcessor(
  {
    work: async ({ ref }) => {
      process.send?.({ ran: ref, pid: process.pid })
    },
  },
  { concurrency: 4, pollInterval: 500, onError: () => undefined },
)
processor.startInBackground()

let isAdding = true
async function add(lane) {
  for (let n = 0; isAdding; n += 1) {
    const ref = `${process.pid}-${lane}-${n}`
    const askedAt = Date.now()
    try {
      await queue.addJob({ jobType: 'work', payload: { ref }, maxAttempts: 20 })
      process.send?.({ added: ref, askedAt })
    } catch (error) {
      process.send?.({ refused: ref, code: error.code })
    }
    await pause(5)
  }
}

process.send?.({ ready: true })
const adding = Promise.all([add(0), add(1)])

async function obey(order) {
  isAdding = false
  await adding
  if (order === 'leave') {
    await processor.stopAndDrain()
    await queue.close()
  }
  process.send?.({ done: order })
}
process.on('message', (order) => void obey(order))
process.on('disconnect', () => process.exit())
