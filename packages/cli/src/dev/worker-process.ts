/** The process in which `dev` runs the jobs: a new one for each version of the program. */
import { initJobQueue, type JobQueue } from 'millrace'
import { configOf } from '../connection.ts'
import { watchJobs } from '../job-news.ts'
import { loadModule } from '../module.ts'
import type { DevTask, FromWorker, ToWorker } from './messages.ts'

// Ctrl-C reaches every process of the terminal; when this one ends is for its parent to say.
process.on('SIGINT', () => {})
process.once('message', (message: ToWorker) => {
  if (message.kind === 'begin') void run(message.task)
  else process.disconnect()
})

async function run(task: DevTask): Promise<void> {
  const stopped = told()
  try {
    const { jobs, schedules } = await loadModule(task.module)
    const common = { jobs, migrate: 'check', ...(schedules !== undefined && { schedules }) } as const
    await using queue: JobQueue = initJobQueue({ ...configOf(task.database, common) })
    await queue.ready()
    await work(queue, { task, types: Object.keys(jobs), stopped })
  } catch (error) {
    tell({ kind: 'error', message: error instanceof Error ? error.message : String(error), isFatal: true })
    process.exitCode = 1
  }
  if (process.connected) process.disconnect()
}

interface Work {
  readonly task: DevTask
  readonly types: readonly string[]
  readonly stopped: Promise<void>
}

async function work(queue: JobQueue, { task, types, stopped }: Work): Promise<void> {
  watchJobs(queue, (news) => tell({ kind: 'news', news }))
  const onError = ({ message }: Error): void => tell({ kind: 'error', message, isFatal: false })
  const processor = queue.createProcessor(undefined, { concurrency: task.concurrency, jobType: types, onError })
  const supervisor = queue.createSupervisor({ onError })
  processor.startInBackground()
  supervisor.startInBackground()
  tell({ kind: 'started', types })
  await stopped
  await Promise.all([processor.stopAndDrain(task.drainMs), supervisor.stopAndDrain(task.drainMs)])
}

/** Resolves when the parent says so, or is gone. */
function told(): Promise<void> {
  return new Promise((resolve) => {
    process.on('message', ({ kind }: ToWorker) => {
      if (kind === 'stop') resolve()
    })
    process.once('disconnect', () => resolve())
  })
}

function tell(message: FromWorker): void {
  if (process.connected) process.send?.(message)
}
