import { setTimeout as pause } from 'node:timers/promises'
import type { JobEvent, JobQueue } from 'millrace'
import type { App } from './app.ts'

/** What is done to a process while it runs jobs. */
export interface Restart {
  readonly instance: string
  readonly signal: 'SIGTERM' | 'SIGKILL'
}

/** One process from its start to its end. */
export interface Life {
  readonly instance: string
  readonly pid: number
  /** What it printed: a line `started <name>` and a line `sent <name>` for each attempt. */
  readonly output: string
  /** By what it was ended while there was work; absent: it was not. */
  readonly signal?: 'SIGTERM' | 'SIGKILL'
  /** With what it ended then. */
  readonly exit?: number | string | null
}

/** A job as it stands in the end. */
export interface Ran {
  readonly name: string
  readonly status: string
  readonly events: readonly Pick<JobEvent, 'eventType' | 'metadata'>[]
}

export interface History {
  readonly lives: readonly Life[]
  readonly jobs: readonly Ran[]
}

interface RestartsOptions {
  readonly queue: JobQueue
  /** How each instance is started. */
  readonly instances: Readonly<Record<string, () => Promise<App>>>
  readonly restarts: readonly Restart[]
}

interface Process {
  readonly instance: string
  readonly app: App
  ending?: Pick<Life, 'signal' | 'exit'>
}

/** Pause between two jobs: enough that every instance has some at any time, few enough that all keep up. */
const EVERY_MS = 30
const WITHIN_MS = 30_000

/**
 * Adds jobs without a pause while instances are ended and started again one after the other, each in the middle of jobs; then waits
 * until every job has an end, and tells what happened.
 */
export async function runRestarts({ queue, instances, restarts }: RestartsOptions): Promise<History> {
  const started: Process[] = []
  const current = new Map<string, Process>()
  const start = async (instance: string): Promise<void> => {
    const app = await instances[instance]?.()
    if (app === undefined) throw new TypeError(`there is no instance ${instance}`)
    const one: Process = { instance, app }
    started.push(one)
    current.set(instance, one)
  }
  await Promise.all(Object.keys(instances).map(start))

  const load = new AbortController()
  const ids = new Map<number, string>()
  const producing = produce(queue, ids, load.signal)
  for (const { instance, signal } of restarts) {
    const one = current.get(instance)
    if (one === undefined) throw new TypeError(`there is no instance ${instance}`)
    await until(
      () => unfinished(one.app.output).length > 0,
      () => `${instance} runs a job:\n${one.app.output}`,
    )
    one.ending = { signal, exit: await one.app.stop(signal) }
    await start(instance)
  }
  load.abort()
  await producing
  const isOpen = async (): Promise<boolean> => {
    const counts = (await queue.getStats()).byStatus
    return counts.pending + counts.processing + counts.waiting > 0
  }
  await until(
    async () => !(await isOpen()),
    () => 'every job has an end',
  )

  const jobs: Ran[] = []
  for (const [id, name] of ids) {
    jobs.push({ name, status: (await queue.getJob(id))?.status ?? 'gone', events: await queue.getJobEvents(id) })
  }
  const lives = started.map(({ instance, app, ending }) => ({ instance, pid: app.pid, output: app.output, ...ending }))
  return { lives, jobs }
}

/**
 * What must not be in a history: a job that is lost or has failed; an attempt that was taken from a process which was not killed; a
 * handler that a stopped or untouched process began and did not end; a job that two such processes ran.
 */
export function faultsOf({ lives, jobs }: History): string[] {
  const faults: string[] = []
  const killed = new Set(lives.filter(({ signal }) => signal === 'SIGKILL').map(({ pid }) => pid))
  const spared = lives.filter(({ pid }) => !killed.has(pid))
  for (const { instance, pid, output, signal, exit } of spared) {
    for (const name of unfinished(output)) faults.push(`${instance} (${pid}) began ${name} and did not end it`)
    // Nest sends itself the signal again when its hooks have run.
    if (signal === 'SIGTERM' && exit !== 0 && exit !== 'SIGTERM')
      faults.push(`${instance} (${pid}) ended with ${exit} at SIGTERM`)
  }
  const begun = spared.flatMap(({ output }) => namesIn(output, 'started'))
  const twice = begun.filter((name, n) => begun.indexOf(name) !== n)
  for (const name of new Set(twice)) faults.push(`${name} was run by two processes of which neither was killed`)

  for (const { name, status, events } of jobs) {
    if (status !== 'completed') faults.push(`${name} is ${status}`)
    if (!lives.some(({ output }) => namesIn(output, 'sent').includes(name))) faults.push(`${name} was never run`)
    for (const { eventType, metadata } of events) {
      if (eventType === 'failed') faults.push(`${name} failed: ${metadata.message ?? metadata.reason}`)
      if (eventType === 'reclaimed' && ![...killed].some((pid) => metadata.workerId?.includes(`:${pid}:`)))
        faults.push(`${name} was taken from ${metadata.workerId}, which was not killed`)
    }
  }
  return faults
}

async function produce(queue: JobQueue, ids: Map<number, string>, signal: AbortSignal): Promise<void> {
  for (let n = 0; !signal.aborted; n++) {
    const to = `m${n}`
    // Short and long ones, so that at any time some have just begun.
    ids.set(await queue.addJob({ jobType: 'mail', payload: { to, takesMs: 20 + ((n * 97) % 380) } }), to)
    await pause(EVERY_MS)
  }
}

function namesIn(output: string, what: 'started' | 'sent'): string[] {
  return [...output.matchAll(new RegExp(`^ *${what} (\\S+)$`, 'gm'))].map(([, name = '']) => name)
}

function unfinished(output: string): string[] {
  const sent = new Set(namesIn(output, 'sent'))
  return namesIn(output, 'started').filter((name) => !sent.has(name))
}

async function until(isSo: () => boolean | Promise<boolean>, what: () => string): Promise<void> {
  const deadline = performance.now() + WITHIN_MS
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`not within ${WITHIN_MS} ms: ${what()}`)
    await pause(10)
  }
}
