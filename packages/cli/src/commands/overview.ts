import type { Command } from 'commander'
import type { WorkerRecord } from 'millrace'
import { STATUSES } from '../filters.ts'
import { statusCell } from '../job-cells.ts'
import type { Cell } from '../layout.ts'
import { withQueue } from '../session.ts'
import { durationText, shortened, timeText } from '../text.ts'

export function addOverviewCommands(program: Command): void {
  program
    .command('workers')
    .description('list live workers')
    .action(async (_options: object, command: Command) => {
      await withQueue(command, async ({ queue, output }) => {
        const workers = await queue.getWorkers()
        const headings = ['WORKER', 'HOST', 'PID', 'VERSION', 'RUNNING', 'STARTED', 'LAST SEEN', 'TYPES']
        output.result(workers, () => output.table(headings, workers.map(workerCells), 'No worker is alive.'))
      })
    })
  program
    .command('stats')
    .description('count jobs by status, and what is ready')
    .action(async (_options: object, command: Command) => {
      await withQueue(command, async ({ queue, output }) => {
        const stats = await queue.getStats()
        output.result(stats, () => {
          output.table(
            ['STATUS', 'JOBS'],
            STATUSES.map((status) => [statusCell(status), stats.byStatus[status]]),
            '',
          )
          output.line('')
          output.pairs([
            ['ready now', stats.ready],
            ['oldest ready', stats.oldestReadyMs === null ? '-' : durationText(stats.oldestReadyMs)],
            ['waiting for their time', stats.timed],
            ['waiting for their group', stats.groupWaiting],
            ['live workers', stats.workers],
          ])
        })
      })
    })
}

function workerCells(worker: WorkerRecord): readonly Cell[] {
  return [
    worker.workerId,
    worker.host,
    worker.pid,
    worker.version,
    `${worker.running}/${worker.concurrency}`,
    timeText(worker.startedAt),
    timeText(worker.lastSeenAt),
    shortened(worker.jobTypes?.join(', ') ?? 'all', 60),
  ]
}
