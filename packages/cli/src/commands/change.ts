import type { Command } from 'commander'
import type { ChangeResult, JobQueue } from 'millrace'
import { EXIT } from '../failure.ts'
import type { Cell } from '../output.ts'
import { withQueue } from '../session.ts'
import { ids } from '../values.ts'

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

export function addChangeCommands(program: Command): void {
  for (const change of CHANGES) {
    program
      .command(change.name)
      .description(`${change.description}; exit code 1 if one of them was not changed`)
      .argument('<id...>', 'job ids', ids)
      .action(async (given: readonly number[], _options: object, command: Command) => {
        await withQueue(command, async ({ queue, output }) => {
          const results: { readonly id: number; readonly result: ChangeResult }[] = []
          for (const id of given) results.push({ id, result: await change.apply(queue, id) })
          output.result(results, () => {
            for (const { id, result } of results) output.line(id, sentence(result, change))
          })
          return results.every(({ result }) => isDone(result)) ? EXIT.ok : EXIT.finding
        })
      })
  }
}

function isDone(result: ChangeResult): boolean {
  return result === 'changed' || result === 'requested'
}

function sentence(result: ChangeResult, { done }: Change): Cell {
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
