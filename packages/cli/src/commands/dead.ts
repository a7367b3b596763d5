import type { Command } from 'commander'
import { everyJob, type FilterOptions, filterOptions, filtersOf } from '../filters.ts'
import { JOB_HEADINGS, jobCells } from '../job-cells.ts'
import { type Session, withQueue } from '../session.ts'

interface RedriveOptions extends FilterOptions {
  readonly dryRun?: true
}

export function addDeadCommands(program: Command): void {
  const dead = program.command('dead').description('dead letters: jobs that failed for good')
  filterOptions(dead.command('ls').description('list them, newest first'), 50).action(
    async (options: FilterOptions, command: Command) => {
      await withQueue(command, async ({ queue, output }) => {
        const jobs = await queue.getJobs(deadOf(options), options.limit)
        output.result(jobs, () => output.table(JOB_HEADINGS, jobs.map(jobCells), 'No dead letter matches.'))
      })
    },
  )
  filterOptions(
    dead
      .command('redrive')
      .description('run them again with their attempts reset, oldest first')
      .option('--dry-run', 'only count them'),
    1000,
  ).action(async (options: RedriveOptions, command: Command) => {
    await withQueue(command, (session) =>
      options.dryRun === true ? count(session, options) : redrive(session, options),
    )
  })
}

function deadOf(options: FilterOptions): ReturnType<typeof filtersOf> {
  return { ...filtersOf(options), status: 'failed', final: true }
}

async function redrive({ queue, output }: Session, options: RedriveOptions): Promise<void> {
  const ids = await queue.redrive(filtersOf(options), { limit: options.limit })
  output.result({ ids }, () => output.line(`${ids.length} redriven.`))
}

async function count({ queue, output }: Session, options: RedriveOptions): Promise<void> {
  const byType = new Map<string, number>()
  let matching = 0
  for await (const { jobType } of everyJob(queue, deadOf(options))) {
    byType.set(jobType, (byType.get(jobType) ?? 0) + 1)
    matching++
  }
  const wouldRedrive = Math.min(matching, options.limit)
  const types = [...byType].toSorted(([, a], [, b]) => b - a)
  output.result({ matching, wouldRedrive, byType: Object.fromEntries(types) }, () => {
    output.table(['TYPE', 'MATCHING'], types, 'No dead letter matches.')
    if (matching > 0) output.line(`${wouldRedrive} of ${matching} would be redriven (--limit ${options.limit}).`)
  })
}
