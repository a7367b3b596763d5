import type { Command } from 'commander'
import type { JobOptions } from 'millrace'
import { type DueOptions, dueOf, payloadOf } from '../job-values.ts'
import { withQueue } from '../session.ts'
import { duration, integer, list, positive, time } from '../values.ts'

interface EnqueueOptions extends DueOptions {
  readonly priority?: number
  readonly maxAttempts?: number
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
      const job = { jobType: type, payload: await payloadOf(payload), ...settingsOf(options) }
      await withQueue(command, async ({ queue, output }) => {
        const id = await queue.addJob(job)
        output.result({ id }, () => output.line(id))
      })
    })
}

function settingsOf(options: EnqueueOptions): Omit<JobOptions, 'jobType' | 'payload'> {
  const { group, retryDelay, dependsOn } = options
  return {
    priority: options.priority,
    maxAttempts: options.maxAttempts,
    runAt: dueOf(options),
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
