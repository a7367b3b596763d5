import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Command } from 'commander'
import { type CommonConfig, type JobQueue, MillraceError } from 'millrace'
import type { Output } from '../output.ts'
import { type Session, withQueue } from '../session.ts'
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

type Jobs = NonNullable<CommonConfig['jobs']>
type Schedules = NonNullable<CommonConfig['schedules']>

export function addWorkerCommand(program: Command): void {
  program
    .command('worker')
    .description('run the jobs that a module defines, until SIGTERM or SIGINT; then finish those that run')
    .argument('<module>', 'file whose export `jobs`, or default export, is made by defineJobs; `schedules` counts too')
    .option('--concurrency <n>', 'handlers running at once (default: 3)', positive)
    .option('--group-concurrency <n>', 'jobs of one group running at once, over all workers', positive)
    .option('--type <type>', 'only this type; can be repeated', list)
    .option('--drain-timeout <duration>', 'how long running jobs may take to finish at the end', duration, 30_000)
    .option('--supervise', 'also do the housekeeping: stuck jobs, retention')
    .option('--no-migrate', 'do not bring the schema up to date; fail if it is not')
    .action(async (module: string, options: WorkerOptions, command: Command) => {
      const { jobs, schedules } = await load(module)
      const migrate = options.migrate ? 'auto' : 'check'
      const config: CommonConfig = { jobs, migrate, listen: true, ...(schedules !== undefined && { schedules }) }
      await withQueue(command, (session) => work(session, { types: Object.keys(jobs), options }), config)
    })
}

interface Assignment {
  readonly types: readonly string[]
  readonly options: WorkerOptions
}

async function work({ queue, output, signal }: Session, { types, options }: Assignment): Promise<void> {
  await queue.ready()
  logEvents(queue, output)
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

function logEvents(queue: JobQueue, output: Output): void {
  queue.on('job:processing', ({ jobId, jobType }) => {
    output.event({ event: 'processing', jobId, jobType }, [jobId, jobType, { text: 'processing', colour: 'cyan' }])
  })
  queue.on('job:completed', ({ jobId, jobType }) => {
    output.event({ event: 'completed', jobId, jobType }, [jobId, jobType, { text: 'completed', colour: 'green' }])
  })
  queue.on('job:waiting', ({ jobId, jobType }) => {
    output.event({ event: 'waiting', jobId, jobType }, [jobId, jobType, { text: 'waiting', colour: 'yellow' }])
  })
  queue.on('job:failed', ({ jobId, jobType, error, willRetry }) => {
    const { message } = error
    output.event({ event: 'failed', jobId, jobType, willRetry, message }, [
      jobId,
      jobType,
      { text: willRetry ? 'failed, will retry:' : 'failed for good:', colour: 'red' },
      shortened(message, 200),
    ])
  })
}

function printError(error: Error): void {
  process.stderr.write(`error: ${shortened(error.message.replaceAll('\n', ' '), 500)}\n`)
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((end) => {
    if (signal.aborted) end()
    else signal.addEventListener('abort', () => end(), { once: true })
  })
}

async function load(path: string): Promise<{ readonly jobs: Jobs; readonly schedules: Schedules | undefined }> {
  let module: Readonly<Record<string, unknown>>
  try {
    module = (await import(pathToFileURL(resolve(path)).href)) as Readonly<Record<string, unknown>>
  } catch (error) {
    throw unusable(path, `The module ${path} cannot be loaded.`, error)
  }
  const jobs = module['jobs'] ?? module['default']
  if (!isJobs(jobs)) {
    throw unusable(
      path,
      `The module ${path} exports no jobs: neither its \`jobs\` nor its default export is of defineJobs.`,
    )
  }
  return { jobs, schedules: module['schedules'] as Schedules | undefined }
}

function isJobs(value: unknown): value is Jobs {
  if (typeof value !== 'object' || value === null) return false
  const definitions: unknown[] = Object.values(value)
  return definitions.length > 0 && definitions.every(isDefinition)
}

function isDefinition(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'payload' in value && 'handler' in value
}

function unusable(path: string, message: string, cause?: unknown): MillraceError {
  const remedy = /\.[cm]?tsx?$/.test(path)
    ? 'compile it first, or use a Node that runs TypeScript (22.18 or later)'
    : 'export const jobs = defineJobs({ … })'
  return new MillraceError('OPTION_INVALID', message, { details: { field: 'module', value: path, remedy }, cause })
}
