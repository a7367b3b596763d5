import type { Command } from 'commander'
import type { CommonConfig } from 'millrace'
import { printNews, watchJobs } from '../job-news.ts'
import { existingModule, loadModule } from '../module.ts'
import { aborted, type Session, withQueue } from '../session.ts'
import { shortened } from '../text.ts'
import { duration, list, positive } from '../values.ts'

interface WorkerOptions {
  readonly concurrency?: number
  readonly groupConcurrency?: number
  readonly type?: readonly string[]
  readonly drainTimeout: number
  readonly supervise?: true
  readonly migrate: boolean
}

export function addWorkerCommand(program: Command): void {
  program
    .command('worker')
    .description('run the jobs that a module defines, until SIGTERM or SIGINT; then finish those that run')
    .argument(
      '[module]',
      'file whose export `jobs`, or default export, is made by defineJobs; `schedules` counts too (default: jobs.ts and the like)',
    )
    .option('--concurrency <n>', 'handlers running at once (default: 3)', positive)
    .option('--group-concurrency <n>', 'jobs of one group running at once, over all workers', positive)
    .option('--type <type>', 'only this type; can be repeated', list)
    .option('--drain-timeout <duration>', 'how long running jobs may take to finish at the end', duration, 30_000)
    .option('--supervise', 'also do the housekeeping: stuck jobs, retention')
    .option('--no-migrate', 'do not bring the schema up to date; fail if it is not')
    .action(async (given: string | undefined, options: WorkerOptions, command: Command) => {
      const { jobs, schedules } = await loadModule(existingModule(given))
      const migrate = options.migrate ? 'auto' : 'check'
      const config: CommonConfig = { jobs, migrate, listen: true, ...(schedules !== undefined && { schedules }) }
      await withQueue(command, (session) => work(session, { types: Object.keys(jobs), options }), config)
    })
}

interface Assignment {
  readonly types: readonly string[]
  readonly options: WorkerOptions
}

async function work(session: Session, { types, options }: Assignment): Promise<void> {
  const { queue, output } = session
  await queue.ready()
  const { signal } = session
  watchJobs(queue, (news) => printNews(output, news))
  const processor = queue.createProcessor(undefined, {
    concurrency: options.concurrency,
    groupConcurrency: options.groupConcurrency,
    jobType: options.type ?? types,
    onError: printError,
  })
  const supervisor = options.supervise === true ? queue.createSupervisor({ onError: printError }) : undefined
  processor.startInBackground()
  supervisor?.startInBackground()
  output.event({ event: 'started', types: options.type ?? types }, ['working on', (options.type ?? types).join(', ')])
  await aborted(signal)
  output.event({ event: 'draining' }, ['draining'])
  await Promise.all([processor.stopAndDrain(options.drainTimeout), supervisor?.stopAndDrain(options.drainTimeout)])
  output.event({ event: 'stopped' }, ['stopped'])
}

function printError(error: Error): void {
  process.stderr.write(`error: ${shortened(error.message.replaceAll('\n', ' '), 500)}\n`)
}
