import type { Command } from 'commander'

/** What a command answers, to programs above all. */
export interface Result {
  /** What it prints with `--json`. */
  readonly json: string
  /** When it ends with 1, besides when it fails. */
  readonly finding?: string
}

const CHANGES: Result = {
  json: 'a list of { id, result }; result: changed, requested (a running job was asked to stop), unchanged, not_found',
  finding: 'a job was not changed',
}
const RECORDS = 'a list of job records'

/** By the words of the command. */
const RESULTS: Readonly<Record<string, Result>> = {
  init: { json: '{ files: [{ path, result }], module, missing, packageManager, installed, next }' },
  dev: {
    json: 'a line for each event: ready, started, processing, completed, waiting, failed, output, error, reload, crashed, stopping',
  },
  worker: { json: 'a line for each event: started, processing, completed, waiting, failed, draining, stopped' },
  dashboard: { json: 'one line: { event: "listening", url }' },
  migrate: {
    json: '{ applied }: the names of what was; with --check { upToDate, code, message }',
    finding: 'with --check: the schema is not up to date',
  },
  grants: { json: 'a list of statements' },
  enqueue: { json: '{ id }' },
  ls: { json: RECORDS },
  inspect: { json: '{ job, events, steps }', finding: 'there is no such job' },
  explain: { json: '{ jobId, reasons: [{ kind, … }], text }', finding: 'there is no such job' },
  wf: { json: '{ nodes, edges, … }: the jobs, and who waits for whom', finding: 'there is no such job' },
  wait: {
    json: '{ id, status, reason, output, failureReason, error }; reason: ended, timeout, interrupted',
    finding: 'the job failed or was cancelled, or the wait was given up',
  },
  tail: { json: 'a line for each change: { kind, job }; kind: added, changed' },
  retry: CHANGES,
  cancel: CHANGES,
  'run-now': CHANGES,
  reschedule: CHANGES,
  edit: CHANGES,
  'dead ls': { json: RECORDS },
  'dead redrive': { json: '{ ids }; with --dry-run { matching, wouldRedrive, byType }' },
  errors: { json: '{ groups, … }; with a cause that group alone' },
  pause: { json: '{ scope, until, paused }' },
  resume: { json: '{ scope, resumed }', finding: 'it was not paused' },
  queues: { json: '{ lanes, pauses }' },
  'cron ls': { json: 'a list of schedules' },
  'cron pause': { json: '{ id, status }' },
  'cron resume': { json: '{ id, status, nextRunAt }' },
  'cron run': { json: '{ id, jobId }' },
  'cron rm': { json: '{ id, removed }' },
  top: {
    json: 'a line for each look, with --once one value: { at, figures, endedPerSecond, running, lanes, pauses, workers, failures }',
  },
  workers: { json: 'a list of workers' },
  stats: { json: '{ byStatus, ready, oldestReadyMs, timed, groupWaiting, workers, … }' },
  doctor: {
    json: '{ ok, checks: [{ name, ok, detail, next, fixable }] }; with --fix also fixed: [{ name, done, detail }]',
    finding: 'something is wrong, and with --fix still is',
  },
  bench: { json: '{ schema, add, drain, addToStart, transaction, leftOver }', finding: 'it was interrupted' },
  prune: { json: '{ jobs, events }: how many' },
  export: {
    json: 'with a file { file, lines }; what is exported is JSON lines anyway',
    finding: 'it was broken off; what was written cannot be imported',
  },
  import: { json: '{ jobs, knownJobs, schedules, tokens, keysTaken, keptIds }' },
  mcp: { json: 'nothing else: it speaks JSON-RPC' },
  'agents install': {
    json: '{ files: [{ path, result }], isCurrent, mcp }',
    finding: 'with --check: something is missing or old',
  },
  completion: { json: '{ shell, script }' },
}

/** Says in the help of each command what it answers. */
export function describeResults(program: Command): void {
  for (const { path, command } of commandsIn(program, '')) {
    const result = RESULTS[path]
    if (result === undefined) continue
    const finding = result.finding === undefined ? [] : [`Exit code 1: ${result.finding}.`]
    command.addHelpText('after', `\n${[`With --json: ${result.json}.`, ...finding].join('\n')}`)
  }
}

/** Of `path`, such as `dead ls`; `undefined` for one that only has others in it. */
export function resultOf(path: string): Result | undefined {
  return RESULTS[path]
}

function commandsIn(command: Command, path: string): readonly { readonly path: string; readonly command: Command }[] {
  return command.commands.flatMap((inner) => {
    const own = `${path} ${inner.name()}`.trim()
    return [{ path: own, command: inner }, ...commandsIn(inner, own)]
  })
}
