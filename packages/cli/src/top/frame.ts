import type { Figure } from 'millrace'
import { aligned, type Cell } from '../layout.ts'
import { durationText, shortened, timeText } from '../text.ts'
import type { Look } from './look.ts'

type Row = readonly Cell[]

export interface FrameOptions {
  readonly title: string
  readonly rows: number
  /** Rates of the looks before, oldest first. */
  readonly history: readonly number[]
  /** What went wrong with the latest look. */
  readonly problem: string | null
}

interface Section {
  readonly rows: readonly Row[]
  /** What it may have before others get more. */
  readonly least: number
}

const TYPE_WIDTH = 30

/** The rows of one picture, at most `rows`. Pure: who waits most for room gets it last. */
export function frame(look: Look, { title, rows, history, problem }: FrameOptions): readonly Row[] {
  const head = [
    ...headRows(look, title, history),
    ...(problem === null ? [] : [[{ text: problem, colour: 'red' } as const]]),
  ]
  const sections = [running(look), lanes(look), pauses(look), workers(look), failures(look)].filter(
    (section) => section.rows.length > 1,
  )
  return [...head, ...shared(sections, rows - head.length)].slice(0, Math.max(1, rows))
}

/** First what each needs least, then what is left, in their order; a blank row before each. */
function shared(sections: readonly Section[], rows: number): readonly Row[] {
  const given = sections.map(({ rows: own, least }) => Math.min(own.length, least + 1))
  let left = rows - given.reduce((sum, count) => sum + count + 1, 0)
  for (const [index, { rows: own }] of sections.entries()) {
    const more = Math.max(0, Math.min(left, own.length - (given[index] ?? 0)))
    given[index] = (given[index] ?? 0) + more
    left -= more
  }
  return sections.flatMap(({ rows: own }, index) => [[], ...own.slice(0, given[index])])
}

function headRows(
  { at, figures, endedPerSecond, workers }: Look,
  title: string,
  history: readonly number[],
): readonly Row[] {
  const { ready, processing, retrying, failed, paused } = figures
  const figure = (
    name: string,
    { count, isEstimate }: Figure,
    colour: 'cyan' | 'red' | 'yellow' | null = null,
  ): Cell => {
    const text = `${name} ${isEstimate ? '~' : ''}${count.toLocaleString('en')}`
    return colour === null || count === 0 ? text : { text, colour }
  }
  const rate = endedPerSecond === null ? '-' : endedPerSecond.toFixed(endedPerSecond < 10 ? 1 : 0)
  const oldest = figures.oldestReadyMs === null ? '-' : durationText(figures.oldestReadyMs)
  return [
    [{ text: 'millrace', colour: 'bold' }, title, timeText(at), { text: 'q quits', colour: 'dim' }],
    [
      figure('ready', ready),
      figure('running', processing, 'cyan'),
      figure('scheduled', figures.timed),
      figure('in line', figures.groupWaiting),
      figure('blocked', figures.blocked),
      figure('waiting', figures.waiting),
      figure('paused', paused, 'yellow'),
    ],
    [
      figure('completed', figures.completed),
      figure('retrying', retrying, 'yellow'),
      figure('failed', failed, 'red'),
      figure('cancelled', figures.cancelled),
    ],
    [
      { text: `ended/s ${rate}`, colour: 'bold' },
      sparkline(history),
      `oldest ready ${oldest}`,
      `workers ${workers.length}`,
    ],
  ]
}

const BARS = '▁▂▃▄▅▆▇█'

function sparkline(history: readonly number[]): string {
  const most = Math.max(...history, 0)
  return history.map((rate) => BARS[most === 0 ? 0 : Math.round((rate / most) * (BARS.length - 1))] ?? '').join('')
}

function table(headings: readonly string[], rows: readonly Row[]): readonly Row[] {
  if (rows.length === 0) return []
  return aligned([headings.map((text): Cell => ({ text, colour: 'bold' })), ...rows])
}

function running({ at, running: jobs }: Look): Section {
  const rows = jobs
    .toSorted((one, other) => (one.lockedAt?.getTime() ?? 0) - (other.lockedAt?.getTime() ?? 0))
    .map((job): Row => [
      job.id,
      shortened(String(job.jobType), TYPE_WIDTH),
      job.lockedAt === null ? '-' : durationText(at.getTime() - job.lockedAt.getTime()),
      `${job.attempts}/${job.maxAttempts}`,
      job.progress === null ? '-' : `${job.progress}%`,
      shortened(job.lockedBy ?? '-', 40),
    ])
  return { rows: table(['RUNNING', 'TYPE', 'FOR', 'TRIES', 'DONE', 'WORKER'], rows), least: 3 }
}

function lanes(look: Look): Section {
  const rows = look.lanes.map(({ kind, name, active, limit, waiting, isWaitingBounded, running: runs }): Row => [
    shortened(name, TYPE_WIDTH),
    kind,
    `${active}/${limit ?? '-'}`,
    runs,
    `${waiting}${isWaitingBounded ? '+' : ''}`,
  ])
  return { rows: table(['QUEUE', 'KIND', 'PLACES', 'RUNNING', 'WAITING'], rows), least: 2 }
}

function pauses(look: Look): Section {
  const rows = look.pauses.map(({ scope, pausedAt, reason }): Row => {
    const named = Object.entries(scope).map(([name, value]) => `${name} ${String(value)}`)
    const text = named.length === 0 ? 'all jobs' : named.join(', ')
    return [{ text: shortened(text, 50), colour: 'yellow' }, timeText(pausedAt), shortened(reason ?? '', 60)]
  })
  return { rows: table(['PAUSED', 'SINCE', 'REASON'], rows), least: 2 }
}

function workers({ workers: alive }: Look): Section {
  const rows = alive.map((worker): Row => [
    shortened(worker.workerId, 40),
    shortened(worker.host, 20),
    worker.pid,
    `${worker.running}/${worker.concurrency}`,
    worker.version,
    shortened(worker.jobTypes?.join(', ') ?? 'all', 60),
  ])
  return { rows: table(['WORKER', 'HOST', 'PID', 'RUNNING', 'VERSION', 'TYPES'], rows), least: 2 }
}

function failures({ failures: groups }: Look): Section {
  const rows = groups.map(({ jobType, count, final, lastAt, jobIds, name, message }): Row => [
    timeText(lastAt),
    jobIds[0] ?? '-',
    shortened(jobType, TYPE_WIDTH),
    count,
    final > 0 ? { text: String(final), colour: 'red' } : 0,
    shortened(name === null || name === 'Error' ? message : `${name}: ${message}`, 100),
  ])
  return { rows: table(['FAILED', 'JOB', 'TYPE', 'JOBS', 'FINAL', 'ERROR'], rows), least: 2 }
}
