import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { type JobOptions, MillraceError } from 'millrace'
import { withQueue } from '../session.ts'
import { duration, integer, list, positive, time } from '../values.ts'

interface EnqueueOptions {
  readonly priority?: number
  readonly maxAttempts?: number
  readonly in?: number
  readonly at?: Date
  readonly timeout?: number
  readonly tag?: readonly string[]
  readonly key?: string
  readonly group?: string
  readonly queue?: string
  readonly tenant?: string
  readonly retryDelay?: number
  readonly deadLetter?: string
  readonly dependsOn?: readonly string[]
}

export function addEnqueueCommand(program: Command): void {
  program
    .command('enqueue')
    .description('add a job; prints its id')
    .argument('<type>', 'job type')
    .argument('[payload-json]', 'payload as JSON; - reads it from standard input, @file from a file', '{}')
    .option('--priority <n>', 'higher runs first (default: 0)', integer)
    .option('--max-attempts <n>', 'attempts in all (default: 3)', positive)
    .option('--in <duration>', 'not before so long from now: 30s, 5m, 2h', duration)
    .option('--at <time>', 'not before this time, in ISO 8601', time)
    .option('--timeout <duration>', 'time limit of one attempt', duration)
    .option('--tag <tag>', 'label; can be repeated', list)
    .option('--key <key>', 'makes the job unique: a second add answers the first id')
    .option('--group <id>', 'jobs of one group share a concurrency limit')
    .option('--queue <name>', 'jobs of one queue run one after the other')
    .option('--tenant <id>', 'whose job it is')
    .option('--retry-delay <duration>', 'base delay between attempts', duration)
    .option('--dead-letter <type>', 'type of the job made of this one once its attempts are used up')
    .option('--depends-on <id>', 'a job that must have completed; can be repeated', list)
    .action(async (type: string, payload: string, options: EnqueueOptions, command: Command) => {
      const job = { jobType: type, payload: parsed(textOf(payload)), ...settingsOf(options) }
      await withQueue(command, async ({ queue, output }) => {
        const id = await queue.addJob(job)
        output.result({ id }, () => output.line(id))
      })
    })
}

function settingsOf(options: EnqueueOptions): Omit<JobOptions, 'jobType' | 'payload'> {
  const { in: delayMs, at, group, retryDelay, dependsOn } = options
  if (delayMs !== undefined && at !== undefined) throw refused('--in', 'Either --in or --at says when, not both.')
  return {
    priority: options.priority,
    maxAttempts: options.maxAttempts,
    runAt: delayMs === undefined ? at : new Date(Date.now() + delayMs),
    timeoutMs: options.timeout,
    tags: options.tag,
    idempotencyKey: options.key,
    group: group === undefined ? undefined : { id: group },
    queue: options.queue,
    tenantId: options.tenant,
    retryDelay: retryDelay === undefined ? undefined : retryDelay / 1000,
    deadLetterJobType: options.deadLetter,
    dependsOn: dependsOn === undefined ? undefined : { jobIds: dependsOn.map((id) => positive(id)) },
  }
}

function textOf(argument: string): string {
  if (argument === '-') return readFileSync(0, 'utf8')
  if (!argument.startsWith('@')) return argument
  try {
    return readFileSync(argument.slice(1), 'utf8')
  } catch (error) {
    throw refused('payload', `The payload file ${argument.slice(1)} cannot be read.`, error)
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw refused('payload', `The payload is not JSON. In a shell it needs quotes: '{"to":"a@example.com"}'.`, error)
  }
}

function refused(field: string, message: string, cause?: unknown): MillraceError {
  return new MillraceError('OPTION_INVALID', message, { details: { field }, cause })
}
