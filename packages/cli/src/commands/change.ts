import type { Command } from 'commander'
import type { ChangeResult, EditJobOptions, JobQueue } from 'millrace'
import { EXIT } from '../failure.ts'
import { type DueOptions, dueOf, payloadOf, refused } from '../job-values.ts'
import type { Cell } from '../layout.ts'
import { withQueue } from '../session.ts'
import { timeText } from '../text.ts'
import { duration, ids, integer, list, positive, time } from '../values.ts'

interface Change {
  readonly name: string
  readonly description: string
  readonly apply: (queue: JobQueue, id: number) => Promise<ChangeResult>
  readonly done: string
}

const CHANGES: readonly Change[] = [
  {
    name: 'retry',
    description: 'run failed or cancelled jobs again, under the same id',
    apply: (queue, id) => queue.retryJob(id, { result: true }),
    done: 'pending again',
  },
  {
    name: 'cancel',
    description: 'cancel jobs that are not finished; one that runs is told to stop',
    apply: (queue, id) => queue.cancelJob(id, { result: true }),
    done: 'cancelled',
  },
  {
    name: 'run-now',
    description: 'make jobs due that are scheduled for later or between two attempts',
    apply: (queue, id) => queue.editJob(id, { runAt: null }, { result: true }),
    done: 'due now',
  },
]

interface EditOptions extends DueOptions {
  readonly payload?: string
  readonly priority?: number
  readonly maxAttempts?: number
  readonly timeout?: number
  readonly tag?: readonly string[]
  readonly retryDelay?: number
}

export function addChangeCommands(program: Command): void {
  addOneWordChanges(program)
  program
    .command('reschedule')
    .description('say anew when jobs are due that have not started, or are between two attempts')
    .argument('<id...>', 'job ids', ids)
    .option('--in <duration>', 'so long from now: 30s, 5m, 2h', duration)
    .option('--at <time>', 'at this time, in ISO 8601', time)
    .action(async (given: readonly number[], options: DueOptions, command: Command) => {
      const runAt = dueOf(options)
      if (runAt === undefined) throw refused('--in', 'Neither --in nor --at says when. For now there is run-now.')
      await changeAll(command, given, {
        apply: (queue, id) => queue.editJob(id, { runAt }, { result: true }),
        done: `due at ${timeText(runAt)}`,
      })
    })
  program
    .command('edit')
    .description('change jobs that have not started, or are between two attempts; what is not named stays')
    .argument('<id...>', 'job ids', ids)
    .option('--payload <json>', 'the whole payload; - reads it from standard input, @file from a file')
    .option('--priority <n>', 'higher runs first', integer)
    .option('--max-attempts <n>', 'attempts in all', positive)
    .option('--timeout <duration>', 'time limit of one attempt', duration)
    .option('--tag <tag>', 'label, in place of all that it has; can be repeated', list)
    .option('--retry-delay <duration>', 'base delay between attempts', duration)
    .action(async (given: readonly number[], options: EditOptions, command: Command) => {
      const updates = await updatesOf(options)
      if (Object.keys(updates).length === 0) throw refused('--payload', 'No option says what to change.')
      await changeAll(command, given, {
        apply: (queue, id) => queue.editJob(id, updates, { result: true }),
        done: `changed: ${Object.keys(updates).join(', ')}`,
      })
    })
}

async function updatesOf(options: EditOptions): Promise<EditJobOptions> {
  const { payload, priority, maxAttempts, timeout, tag, retryDelay } = options
  return {
    ...(payload !== undefined && { payload: await payloadOf(payload) }),
    ...(priority !== undefined && { priority }),
    ...(maxAttempts !== undefined && { maxAttempts }),
    ...(timeout !== undefined && { timeoutMs: timeout }),
    ...(tag !== undefined && { tags: tag }),
    ...(retryDelay !== undefined && { retryDelay: retryDelay / 1000 }),
  }
}

function addOneWordChanges(program: Command): void {
  for (const change of CHANGES) {
    program
      .command(change.name)
      .description(`${change.description}; exit code 1 if one of them was not changed`)
      .argument('<id...>', 'job ids', ids)
      .action(async (given: readonly number[], _options: object, command: Command) => {
        await changeAll(command, given, change)
      })
  }
}

type Applied = Pick<Change, 'apply' | 'done'>

/** Each on its own: one that cannot be changed does not keep the others from it. */
async function changeAll(command: Command, given: readonly number[], change: Applied): Promise<void> {
  await withQueue(command, async ({ queue, output }) => {
    const results: { readonly id: number; readonly result: ChangeResult }[] = []
    for (const id of given) results.push({ id, result: await change.apply(queue, id) })
    output.result(results, () => {
      for (const { id, result } of results) output.line(id, sentence(result, change))
    })
    return results.every(({ result }) => isDone(result)) ? EXIT.ok : EXIT.finding
  })
}

function isDone(result: ChangeResult): boolean {
  return result === 'changed' || result === 'requested'
}

function sentence(result: ChangeResult, { done }: Applied): Cell {
  switch (result) {
    case 'changed':
      return { text: done, colour: 'green' }
    case 'requested':
      return { text: 'runs; it was asked to stop', colour: 'yellow' }
    case 'unchanged':
      return { text: 'not changed: its status does not allow it', colour: 'red' }
    case 'not_found':
      return { text: 'there is no such job', colour: 'red' }
  }
}
