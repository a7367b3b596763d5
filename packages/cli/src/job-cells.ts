import type { JobRecord, JobStatus } from 'millrace'
import type { Cell, Colour } from './layout.ts'
import { shortened, timeText, safe } from './text.ts'

const COLOURS: { readonly [S in JobStatus]?: Colour } = {
  processing: 'cyan',
  completed: 'green',
  failed: 'red',
  cancelled: 'dim',
  waiting: 'yellow',
}

const LONGEST_NAME = 40
const LONGEST_ERROR = 60

export function statusCell(status: JobStatus): Cell {
  const colour = COLOURS[status]
  return colour === undefined ? status : { text: status, colour }
}

export const JOB_HEADINGS: readonly string[] = ['ID', 'TYPE', 'STATUS', 'TRIES', 'PRIO', 'CREATED', 'DUE', 'LAST ERROR']

export function jobCells(job: JobRecord): readonly Cell[] {
  return [
    job.id,
    shortened(safe(job.jobType), LONGEST_NAME),
    statusCell(job.status),
    `${job.attempts}/${job.maxAttempts}`,
    job.priority,
    timeText(job.createdAt),
    timeText(dueAt(job)),
    shortened(safe(job.errorHistory.at(-1)?.message ?? ''), LONGEST_ERROR),
  ]
}

/** When it may next run by its times alone; `null` if it runs or has ended. */
export function dueAt(job: JobRecord): Date | null {
  if (job.status === 'pending') return job.nextAttemptAt ?? job.runAt
  if (job.status === 'failed') return job.nextAttemptAt
  return job.status === 'waiting' ? job.waitUntil : null
}
