import type { Command } from 'commander'
import { refused } from '../job-values.ts'
import { withQueue } from '../session.ts'
import { durationText } from '../text.ts'
import { duration } from '../values.ts'

interface PruneOptions {
  readonly completed?: number
  readonly failed?: number
  readonly cancelled?: number
  readonly history?: number
}

const DAY_MS = 86_400_000

/** How jobs end, with the words for it. */
const ENDS = { completed: 'completed', failed: 'failed for good', cancelled: 'were cancelled' } as const

export function addPruneCommand(program: Command): void {
  program
    .command('prune')
    .description(
      'delete jobs by how they ended, or only the history of completed ones, past an age; what is not named stays',
    )
    .option('--completed <age>', 'delete jobs that completed longer ago than this, such as 30d', duration)
    .option('--failed <age>', 'delete jobs that failed for good longer ago than this', duration)
    .option('--cancelled <age>', 'delete jobs that were cancelled longer ago than this', duration)
    .option('--history <age>', 'forget the recorded trail of jobs that completed longer ago than this', duration)
    .action(async (options: PruneOptions, command: Command) => {
      if (Object.keys(options).length === 0)
        throw refused(
          '--completed',
          'None of --completed, --failed, --cancelled and --history says what to delete. Try: --completed 30d',
        )
      await withQueue(command, async ({ queue, output }) => {
        const lines: string[] = []
        let jobs = 0
        for (const status of ['completed', 'failed', 'cancelled'] as const) {
          const age = options[status]
          if (age === undefined) continue
          const count = await queue.cleanupOldJobs(age / DAY_MS, undefined, { statuses: [status] })
          jobs += count
          lines.push(`deleted ${count} jobs that ${ENDS[status]} more than ${durationText(age)} ago`)
        }
        const { history } = options
        const events = history === undefined ? 0 : await queue.cleanupOldJobEvents(history / DAY_MS)
        if (history !== undefined)
          lines.push(`forgot ${events} events of jobs that completed more than ${durationText(history)} ago`)
        output.result({ jobs, events }, () => {
          for (const line of lines) output.line(line)
        })
      })
    })
}
