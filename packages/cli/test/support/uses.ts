import type { JobQueue } from 'millrace'
import { expect } from 'vitest'

/** One command as a person types it, and as a program calls it with `--json`. */
export interface Use {
  /** `{id}`: what `make` answers, anew for each of the two. */
  readonly words: string
  readonly make?: (queue: JobQueue) => Promise<number | string>
  /** What stands on the terminal at its end. */
  readonly shows: RegExp
  /** What it ends with, both times. */
  readonly code: number
  /** Of its JSON; of one that goes on until it is told to end, the first line. `null`: it has said all before. */
  readonly json: unknown
  /** It goes on; these keys end it once it shows that. */
  readonly goesOn?: { readonly until: RegExp; readonly keys: readonly string[] }
  /** Redis refuses it. */
  readonly sqlOnly?: true
}

export const add = (queue: JobQueue, jobType: string, more: object = {}): Promise<number> =>
  queue.addJob({ jobType, payload: { to: 'ada' }, ...more })
const later = (queue: JobQueue): Promise<number> => add(queue, 'later', { runAt: new Date(Date.now() + 3_600_000) })
const schedule = async (queue: JobQueue): Promise<string> => {
  const scheduleName = `nightly-${Math.random().toString(36).slice(2)}`
  await queue.addCronJob({ scheduleName, cronExpression: '0 3 * * *', jobType: 'report', payload: {} })
  return scheduleName
}
const paused = async (queue: JobQueue): Promise<string> => {
  const jobType = `paused-${Math.random().toString(36).slice(2)}`
  await queue.pause({ jobType })
  return jobType
}
/** Ends a job of a type of its own. */
const ended = async (queue: JobQueue, kind: 'completed' | 'failed'): Promise<{ id: number; jobType: string }> => {
  const jobType = `${kind}-${Math.random().toString(36).slice(2)}`
  const id = await add(queue, jobType, { maxAttempts: 1 })
  const handler = (): string => {
    if (kind === 'failed') throw new Error('no luck')
    return 'done'
  }
  await queue.createProcessor({ [jobType]: handler }, { jobType, heartbeat: 'main' }).start()
  return { id, jobType }
}
const idOf = (kind: 'completed' | 'failed') => async (queue: JobQueue) => (await ended(queue, kind)).id
const typeOf = (kind: 'completed' | 'failed') => async (queue: JobQueue) => (await ended(queue, kind)).jobType
const CTRL_C = (until: RegExp): NonNullable<Use['goesOn']> => ({ until, keys: ['C-c'] })
const changed = [{ result: 'changed' }]

/** Every command, and what each may end with. */
export const USES: readonly Use[] = [
  {
    words: 'worker JOBS',
    code: 0,
    shows: /working on greet.*\n[^]*draining\nstopped/,
    json: { event: 'started' },
    goesOn: CTRL_C(/working on/),
  },
  {
    words: 'dashboard --port 0',
    code: 0,
    shows: /dashboard http:\/\//,
    json: { event: 'listening' },
    goesOn: CTRL_C(/dashboard http/),
  },
  { words: 'migrate', code: 0, shows: /The schema is up to date/, json: { applied: [] } },
  { words: 'migrate --check', code: 0, shows: /The schema is up to date/, json: { upToDate: true } },
  {
    words: 'grants --role app',
    code: 0,
    shows: /grant usage on schema/,
    json: expect.arrayContaining([expect.stringContaining('grant')]),
    sqlOnly: true,
  },
  { words: `enqueue mail '{"to":"ada"}'`, code: 0, shows: /^\d+$/m, json: { id: expect.any(Number) } },
  {
    words: 'ls --type mail',
    code: 0,
    make: (queue) => add(queue, 'mail'),
    shows: /ID +TYPE +STATUS[^]*mail +pending/,
    json: expect.arrayContaining([expect.objectContaining({ jobType: 'mail' })]),
  },
  {
    words: 'inspect {id}',
    code: 0,
    make: (queue) => add(queue, 'mail'),
    shows: /status +pending[^]*payload/,
    json: { job: { jobType: 'mail' }, events: [{ eventType: 'added' }], steps: [] },
  },
  {
    words: 'explain {id}',
    code: 0,
    make: later,
    shows: /It is not due before/,
    json: { reasons: expect.arrayContaining([expect.objectContaining({ kind: 'scheduled' })]) },
  },
  { words: 'wf {id}', code: 0, make: later, shows: /\d+ later pending/, json: { nodes: [{ jobType: 'later' }] } },
  {
    words: 'wait {id}',
    code: 0,
    make: idOf('completed'),
    shows: /\d+ completed "done"/,
    json: { status: 'completed', reason: 'ended', output: 'done' },
  },
  {
    words: 'wait {id}',
    make: idOf('failed'),
    code: 1,
    shows: /\d+ failed no luck/,
    json: { status: 'failed', error: 'no luck' },
  },
  {
    words: 'wait {id} --timeout 1ms',
    make: later,
    code: 1,
    shows: /\d+ is still pending/,
    json: { reason: 'timeout' },
  },
  {
    words: 'wait {id}',
    make: later,
    code: 1,
    shows: /\d+ is still pending/,
    json: null,
    goesOn: CTRL_C(/Waiting for job/),
  },
  {
    words: 'tail --interval 50ms',
    code: 0,
    shows: /Watching; Ctrl\+C ends it[^]*new +pending/,
    json: { kind: expect.any(String), job: { id: expect.any(Number) } },
    goesOn: CTRL_C(/new +pending/),
  },
  { words: 'retry {id}', code: 0, make: idOf('failed'), shows: /\d+ pending again/, json: changed },
  { words: 'retry {id}', make: later, code: 1, shows: /\d+ not changed: its status/, json: [{ result: 'unchanged' }] },
  {
    words: 'cancel {id} 999999',
    make: later,
    code: 1,
    shows: /\d+ cancelled\n999999 there is no such job/,
    json: [{ result: 'changed' }, { result: 'not_found' }],
  },
  { words: 'run-now {id}', code: 0, make: later, shows: /\d+ due now/, json: changed },
  { words: 'reschedule {id} --in 2h', code: 0, make: later, shows: /\d+ due at 20/, json: changed },
  { words: 'edit {id} --priority 7', code: 0, make: later, shows: /\d+ changed: priority/, json: changed },
  {
    words: 'dead ls --type {id}',
    code: 0,
    make: typeOf('failed'),
    shows: /failed-\w+ +failed[^]*no luck/,
    json: [{ status: 'failed' }],
  },
  {
    words: 'dead redrive --type {id} --dry-run',
    code: 0,
    make: typeOf('failed'),
    shows: /1 /,
    json: { matching: 1, wouldRedrive: 1 },
  },
  {
    words: 'dead redrive --type {id}',
    code: 0,
    make: typeOf('failed'),
    shows: /1 redriven/,
    json: { ids: [expect.any(Number)] },
  },
  { words: 'errors --type {id}', code: 0, make: typeOf('failed'), shows: /no luck/, json: { groups: [{ count: 1 }] } },
  {
    words: 'pause --type held --reason later',
    code: 0,
    shows: /paused: type held[^]*millrace resume/,
    json: { scope: { jobType: 'held' }, paused: true },
  },
  { words: 'resume --type {id}', code: 0, make: paused, shows: /resumed: type paused-/, json: { resumed: true } },
  { words: 'resume --type never', code: 1, shows: /not paused: type never/, json: { resumed: false } },
  {
    words: 'queues',
    code: 0,
    make: (queue) => add(queue, 'mail', { queue: 'outbox' }),
    shows: /KIND +NAME[^]*queue +outbox[^]*PAUSED|Nothing is paused/,
    json: { lanes: expect.any(Array), pauses: expect.any(Array) },
  },
  {
    words: 'cron ls',
    code: 0,
    make: schedule,
    shows: /nightly-\w+ +0 3 \* \* \*/,
    json: expect.arrayContaining([expect.objectContaining({ status: 'active' })]),
  },
  { words: 'cron pause {id}', code: 0, make: schedule, shows: /nightly-\w+ is paused/, json: { status: 'paused' } },
  {
    words: 'cron resume {id}',
    code: 0,
    make: schedule,
    shows: /nightly-\w+ is active; next: 20/,
    json: { status: 'active' },
  },
  { words: 'cron run {id}', code: 0, make: schedule, shows: /^\d+$/m, json: { jobId: expect.any(Number) } },
  { words: 'cron rm {id}', code: 0, make: schedule, shows: /nightly-\w+ is removed/, json: { removed: true } },
  {
    words: 'top --interval 100ms',
    code: 0,
    shows: /^\s*$|millrace/,
    json: { figures: {} },
    goesOn: { until: /ended\/s/, keys: ['q'] },
  },
  { words: 'top --once --interval 10ms', code: 0, shows: /^millrace[^]*ended\/s/, json: { figures: {} } },
  { words: 'workers', code: 0, shows: /No worker is alive|WORKER +HOST/, json: expect.any(Array) },
  { words: 'stats', code: 0, shows: /pending +\d+[^]*live workers/, json: { byStatus: {} } },
  {
    words: 'doctor',
    code: 1,
    shows: /ok +connection +the database answers[^]*FINDING/,
    json: { ok: false, checks: expect.any(Array) },
  },
  {
    words: 'prune --completed 300d',
    code: 0,
    shows: /deleted 0 jobs that completed more than 300d ago/,
    json: { jobs: 0, events: 0 },
  },
  {
    words: 'bench --jobs 20 --concurrency 5',
    code: 0,
    shows: /add one at a time +[\d,.]+ jobs\/s[^]*add to start +p50/,
    json: { add: {}, drain: {}, leftOver: expect.any(Array) },
    sqlOnly: true,
  },
  {
    words: 'completion fish',
    code: 0,
    shows: /complete -c millrace/,
    json: { shell: 'fish', script: expect.stringContaining('complete -c millrace') },
  },
  {
    words: 'inspect 999999',
    code: 1,
    shows: /error JOB_NOT_FOUND: [^]*do: +millrace ls/,
    json: { error: { code: 'JOB_NOT_FOUND', next: 'millrace ls' } },
  },
  { words: 'explain 999999', code: 1, shows: /There is no such job/, json: { reasons: [{ kind: 'unknown_job' }] } },
  {
    words: 'cron run nowhere',
    code: 2,
    shows: /error OPTION_INVALID: There is no schedule[^]*do: +millrace cron ls/,
    json: { error: { code: 'OPTION_INVALID' } },
  },
]
