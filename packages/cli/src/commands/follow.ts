import type { Command } from 'commander'
import type { JobRecord } from 'millrace'
import { ChangeWatch } from '../change-watch.ts'
import { EXIT, type ExitCode } from '../failure.ts'
import { existingJob, type FilterOptions, filterOptions, filtersOf } from '../filters.ts'
import { statusCell } from '../job-cells.ts'
import type { Output } from '../output.ts'
import { pause, type Session, withQueue } from '../session.ts'
import { shortened, timeText, toJson } from '../text.ts'
import { duration, positive } from '../values.ts'

const WAIT_POLL_MS = 250
const WINDOW = 500

interface TailOptions extends Omit<FilterOptions, 'limit'> {
  readonly limit: number
  readonly interval: number
}

export function addFollowCommands(program: Command): void {
  program
    .command('wait')
    .description(
      'wait until a job has ended; exit code 0 if it completed, 1 if it failed, was cancelled or took too long',
    )
    .argument('<id>', 'job id', positive)
    .option('--timeout <duration>', 'give up after this long (default: never)', duration)
    .action(async (id: number, { timeout }: { readonly timeout?: number }, command: Command) => {
      await withQueue(command, (session) => wait(session, id, timeout ?? Infinity))
    })
  const tail = program
    .command('tail')
    .description('print jobs as they are added and change, until interrupted')
    .option('--interval <duration>', 'between two looks', duration, 1000)
  filterOptions(tail, WINDOW)
    .addHelpText('after', '\n--limit: how many of the newest jobs are watched, besides those that run (1 to 10,000).')
    .action(async (options: TailOptions, command: Command) => {
      await withQueue(command, (session) => follow(session, options))
    })
}

async function wait(session: Session, id: number, timeoutMs: number): Promise<ExitCode> {
  const { queue, output } = session
  const deadline = performance.now() + timeoutMs
  let job = await existingJob(queue, id)
  const { signal } = session
  if (!output.json && !hasEnded(job)) process.stderr.write(`Waiting for job ${id}; Ctrl+C ends it.\n`)
  while (!hasEnded(job)) {
    if (signal.aborted || performance.now() >= deadline) {
      printEnd(output, job, signal.aborted ? 'interrupted' : 'timeout')
      return EXIT.finding
    }
    await pause(Math.min(WAIT_POLL_MS, deadline - performance.now()), signal)
    job = await existingJob(queue, id)
  }
  printEnd(output, job, 'ended')
  return job.status === 'completed' ? EXIT.ok : EXIT.finding
}

function hasEnded({ status, nextAttemptAt }: JobRecord): boolean {
  return status === 'completed' || status === 'cancelled' || (status === 'failed' && nextAttemptAt === null)
}

function printEnd(output: Output, job: JobRecord, reason: 'ended' | 'timeout' | 'interrupted'): void {
  const { id, status, failureReason } = job
  const error = status === 'failed' ? (job.errorHistory.at(-1)?.message ?? null) : null
  const value = { id, status, reason, output: job.output ?? null, failureReason, error }
  output.result(value, () => {
    if (reason !== 'ended') return output.line(id, 'is still', statusCell(status))
    const detail =
      status === 'completed'
        ? job.output === undefined || job.output === null
          ? ''
          : toJson(job.output)
        : (error ?? '')
    output.line(id, statusCell(status), detail)
  })
}

async function follow(session: Session, options: TailOptions): Promise<void> {
  const { queue, output } = session
  const watch = new ChangeWatch(queue, filtersOf(options), options.limit)
  await watch.look()
  const { signal } = session
  if (!output.json) process.stderr.write('Watching; Ctrl+C ends it.\n')
  while (!signal.aborted) {
    await pause(options.interval, signal)
    if (signal.aborted) return
    for (const { kind, job } of await watch.look()) {
      const { id, jobType, status, attempts, maxAttempts, updatedAt } = job
      const error = status === 'failed' ? (job.errorHistory.at(-1)?.message ?? '') : ''
      output.event({ kind, job }, [
        timeText(updatedAt),
        id,
        kind === 'added' ? { text: 'new', colour: 'bold' } : '   ',
        statusCell(status),
        `${attempts}/${maxAttempts}`,
        jobType,
        shortened(error, 100),
      ])
    }
  }
}
