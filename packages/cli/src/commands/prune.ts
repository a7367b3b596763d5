import type { Command } from 'commander'
import { refused } from '../job-values.ts'
import { withQueue } from '../session.ts'
import { durationText } from '../text.ts'
import { duration } from '../values.ts'

interface PruneOptions {
  readonly completed?: number
  readonly history?: number
}

const DAY_MS = 86_400_000

export function addPruneCommand(program: Command): void {
  program
    .command('prune')
    .description('delete completed jobs, or only their history, past an age; what failed or was cancelled stays')
    .option('--completed <age>', 'delete jobs that completed longer ago than this, such as 30d', duration)
    .option('--history <age>', 'forget the recorded trail of jobs that completed longer ago than this', duration)
    .action(async ({ completed, history }: PruneOptions, command: Command) => {
      if (completed === undefined && history === undefined)
        throw refused('--completed', 'Neither --completed nor --history says what to delete. Try: --completed 30d')
      await withQueue(command, async ({ queue, output }) => {
        const jobs = completed === undefined ? 0 : await queue.cleanupOldJobs(completed / DAY_MS)
        const events = history === undefined ? 0 : await queue.cleanupOldJobEvents(history / DAY_MS)
        output.result({ jobs, events }, () => {
          if (completed !== undefined)
            output.line(`deleted ${jobs} jobs that completed more than ${durationText(completed)} ago`)
          if (history !== undefined)
            output.line(`forgot ${events} events of jobs that completed more than ${durationText(history)} ago`)
        })
      })
    })
}
