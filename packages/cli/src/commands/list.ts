import type { Command } from 'commander'
import { type FilterOptions, filterOptions, filtersOf, statusesOf, withQuery } from '../filters.ts'
import { JOB_HEADINGS, jobCells } from '../job-cells.ts'
import { withQueue } from '../session.ts'
import { list, positive } from '../values.ts'

interface ListOptions extends FilterOptions {
  readonly status?: readonly string[]
  readonly before?: number
}

export function addListCommand(program: Command): void {
  const command = program
    .command('ls')
    .description('list jobs, newest first')
    .argument('[query...]', "as the dashboard searches: 'status:failed type:mail.send created:>-2h'")
    .option('--status <status>', 'pending, processing, completed, failed, cancelled or waiting; can be repeated', list)
    .option('--before <id>', 'only ids below this one: the next page', positive)
  filterOptions(command, 50).action(async (words: readonly string[], options: ListOptions, self: Command) => {
    const given = { ...filtersOf(options), status: statusesOf(options.status), cursor: options.before }
    const filters = withQuery(words, given)
    await withQueue(self, async ({ queue, output }) => {
      const jobs = await queue.getJobs(filters, options.limit)
      output.result(jobs, () => {
        output.table(JOB_HEADINGS, jobs.map(jobCells), 'No job matches.')
        if (jobs.length === options.limit) output.line(`More: --before ${jobs.at(-1)?.id}`)
      })
    })
  })
}
