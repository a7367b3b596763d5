import type { Command } from 'commander'
import type { JobEvent, JobRecord, JobStep } from 'millrace'
import { EXIT } from '../failure.ts'
import { existingJob } from '../filters.ts'
import { statusCell } from '../job-cells.ts'
import type { Cell } from '../layout.ts'
import type { Output } from '../output.ts'
import { withQueue } from '../session.ts'
import { durationText, safeLines, shortened, timeText, toJson } from '../text.ts'
import { positive } from '../values.ts'

const LONGEST_VALUE = 2000

export function addInspectCommand(program: Command): void {
  program
    .command('inspect')
    .description('show a job: its record, errors, history and steps')
    .argument('<id>', 'job id', positive)
    .action(async (id: number, _options: object, command: Command) => {
      await withQueue(command, async ({ queue, output }) => {
        const job = await existingJob(queue, id)
        const [events, steps] = await Promise.all([queue.getJobEvents(id), queue.getJobSteps(id)])
        output.result({ job, events, steps }, () => {
          output.pairs(recordPairs(job))
          printErrors(output, job)
          printEvents(output, events)
          if (steps.length > 0) printSteps(output, steps)
        })
      })
    })
}

export function addExplainCommand(program: Command): void {
  program
    .command('explain')
    .description('say why a job is not running')
    .argument('<id>', 'job id', positive)
    .action(async (id: number, _options: object, command: Command) => {
      await withQueue(command, async ({ queue, output }) => {
        const explanation = await queue.explain(id)
        output.result(explanation, () => output.line(explanation.text))
        return explanation.reasons.some(({ kind }) => kind === 'unknown_job') ? EXIT.finding : EXIT.ok
      })
    })
}

/** What is set, under the names of the API. */
function recordPairs(job: JobRecord): (readonly [string, Cell])[] {
  const { status, errorHistory: _errors, stepData: _steps, ...rest } = job
  const pairs = Object.entries(rest).flatMap(([name, value]): (readonly [string, Cell])[] =>
    value === null || value === undefined ? [] : [[name, valueText(value)]],
  )
  return [...pairs.slice(0, 2), ['status', statusCell(status)], ...pairs.slice(2)]
}

function valueText(value: unknown): string {
  if (value instanceof Date) return timeText(value)
  return shortened(typeof value === 'string' ? value : toJson(value), LONGEST_VALUE)
}

function printErrors(output: Output, job: JobRecord): void {
  for (const error of job.errorHistory) {
    const attempt = error.attempt === undefined ? '' : `attempt ${error.attempt}, `
    output.line('')
    output.line({ text: `error (${attempt}${error.reason ?? 'unknown'}, ${error.timestamp})`, colour: 'red' })
    for (const line of safeLines(error.stack ?? error.message)) output.line(` ${line}`)
    for (const cause of error.cause ?? []) output.line(`  caused by ${cause.name ?? 'Error'}: ${cause.message}`)
  }
}

function printEvents(output: Output, events: readonly JobEvent[]): void {
  output.line('')
  const rows = events.map((event) => [
    timeText(event.createdAt),
    event.eventType,
    shortened(Object.keys(event.metadata).length === 0 ? '' : toJson(withoutStack(event)), 160),
  ])
  output.table(['TIME', 'EVENT', 'DETAILS'], rows, 'No history is kept of it.')
}

/** The errors are shown in full above. */
function withoutStack({ metadata }: JobEvent): object {
  const { error: _error, ...rest } = metadata
  return rest
}

function printSteps(output: Output, steps: readonly JobStep[]): void {
  output.line('')
  const rows = steps.map((step): readonly Cell[] => [
    step.name,
    step.kind,
    step.status,
    step.tries,
    step.durationMs === null ? '-' : durationText(step.durationMs),
    shortened(stepText(step), 80),
  ])
  output.table(['STEP', 'KIND', 'STATUS', 'TRIES', 'TOOK', 'RESULT'], rows, '')
}

function stepText(step: JobStep): string {
  switch (step.status) {
    case 'done':
      return step.result === undefined ? '' : toJson(step.result)
    case 'failed':
      return step.error?.message ?? ''
    case 'pending':
      return step.waitUntil === null ? (step.awaited ?? '') : `until ${timeText(step.waitUntil)}`
  }
}
