import { initJobQueue } from 'millrace'
import { Recorder, monotonicMs } from '../history/recorder.js'
import { createHandlers, Executions } from './handlers.js'
import { leaveWithParent, queueConfig, readTask } from './task.js'
/** A worker process: node worker.js '<WorkerTask>'. Drains and leaves on SIGTERM. */
function main() {
  const task = readTask()
  leaveWithParent()
  const recorder = Recorder.open(task.historyFolder, task.name, 'worker')
  const queue = initJobQueue(queueConfig(task.connection, task.leaseMs))
  const executions = new Executions(recorder, task.name)
  queue.on('error', () => undefined)
  queue.hooks.subscribe((event) => watch(event, recorder, executions, task))
  queue.on('job:progress', ({ jobId }) => executions.stored(jobId, 'progress'))
  queue.on('job:output', ({ jobId }) => executions.stored(jobId, 'output'))
  const processor = queue.createProcessor(createHandlers(executions, recorder), {
    workerId: task.name,
    concurrency: task.concurrency,
    groupConcurrency: task.groupConcurrency,
    pollInterval: task.pollMs,
    heartbeatMs: task.heartbeatMs,
    onError: (error) => process.stderr.write(`${new Date().toISOString()} ${error.message}\n`),
  })
  process.once('SIGTERM', () => void leave(queue, processor, recorder, task.drainMs))
  sampleMemory(recorder)
  watchStalls(recorder)
  processor.startInBackground()
}
function watch(event, recorder, executions, task) {
  if (event.type === 'worker.started') {
    const { concurrency, groupConcurrency } = task
    recorder.record({ type: 'worker-started', concurrency, groupConcurrency })
    process.send?.('working')
  }
  if (event.type === 'job.started') executions.claimed(event.jobId, event.attempt, event.token)
  if (event.type === 'lease.lost' || (event.type === 'job.settled' && event.result === 'lost')) {
    const exec = executions.of(event.jobId, event.attempt)
    if (exec !== undefined) recorder.record({ type: 'lease-lost', exec })
  }
}
async function leave(queue, processor, recorder, drainMs) {
  recorder.record({ type: 'drain-begin' })
  await processor.stopAndDrain(drainMs)
  recorder.record({ type: 'drain-end' })
  await queue.close({ drainMs: 0 })
  // Nothing of the library may hold the process now: only what is ours is let go.
  process.removeAllListeners('disconnect')
  process.disconnect()
}
function sampleMemory(recorder) {
  setInterval(() => {
    globalThis.gc?.()
    recorder.record({ type: 'sample', heapMb: Math.round(process.memoryUsage().heapUsed / 104_857.6) / 10 })
  }, 5000).unref()
}
/** What the machine, and not the run, kept from this process. */
function watchStalls(recorder) {
  let before = monotonicMs()
  setInterval(() => {
    const now = monotonicMs()
    const late = now - before - STALL_CHECK_MS
    if (late > STALL_CHECK_MS) recorder.record({ type: 'stall', ms: Math.round(late + STALL_CHECK_MS), scope: 'loop' })
    before = now
  }, STALL_CHECK_MS).unref()
}
const STALL_CHECK_MS = 250
main()
//# sourceMappingURL=worker.js.map
