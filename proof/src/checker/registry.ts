import type { Recorded } from '../history/event.ts'
import {
  type Add,
  type Change,
  type Exec,
  isRestart,
  type Job,
  type Meant,
  type Report,
  type Worker,
} from './timeline.ts'
import type { At } from './timeline.ts'
import type { Troubles } from './troubles.ts'

/** Files events under the jobs, executions, workers and calls they are about. */
export class Registry {
  readonly jobs: Map<number, Job> = new Map()
  readonly workers: Map<string, Worker> = new Map()
  readonly meant: Map<string, Meant[]> = new Map()
  readonly idsOfRef: Map<string, Set<number>> = new Map()
  readonly #adds = new Map<string, Add>()
  readonly #execs = new Map<string, Exec>()
  readonly #changes = new Map<string, Change>()
  readonly #reports = new Map<string, Report>()
  readonly #troublesOf: (worker: string) => Troubles

  constructor(troublesOf: (worker: string) => Troubles) {
    this.#troublesOf = troublesOf
  }

  get adds(): readonly Add[] {
    return [...this.#adds.values()]
  }

  take(event: Recorded): void {
    this.#takeOfProducer(event)
    this.#takeOfExec(event)
    this.#takeOfWorker(event)
    this.#takeReading(event)
  }

  /** Draws the conclusions that need the whole history. */
  finish(killTimes: ReadonlyMap<string, number>): void {
    for (const worker of this.workers.values()) {
      worker.diedAt = Math.min(killTimes.get(worker.name) ?? Infinity, worker.gone?.at ?? Infinity)
    }
    for (const exec of this.#execs.values()) endAtWait(exec)
    for (const add of this.#adds.values()) this.#fileAdd(add)
    for (const change of this.#changes.values()) this.#fileChange(change)
    for (const job of this.jobs.values()) {
      job.spec = this.#specOf(job)
      markStale(job)
    }
  }

  #takeOfProducer(event: Recorded): void {
    if (event.type === 'add') this.#adds.set(event.call, { event, ok: undefined, error: undefined })
    else if (event.type === 'add-ok') put(this.#adds.get(event.call), 'ok', event)
    else if (event.type === 'add-error') put(this.#adds.get(event.call), 'error', event)
    else if (event.type === 'change')
      this.#changes.set(event.call, { call: event, answer: undefined, error: undefined })
    else if (event.type === 'change-ok') put(this.#changes.get(event.call), 'answer', event)
    else if (event.type === 'change-error') put(this.#changes.get(event.call), 'error', event)
  }

  #takeOfExec(event: Recorded): void {
    if (event.type === 'start') this.#startExec(event)
    else if (event.type === 'end') put(this.#execs.get(event.exec), 'end', event)
    else if (event.type === 'abort') this.#execs.get(event.exec)?.aborts.push(event)
    else if (event.type === 'lease-lost') put(this.#execs.get(event.exec), 'leaseLost', event)
    else if (event.type === 'step-start' || event.type === 'step-value') this.#execs.get(event.exec)?.steps.push(event)
    else if (event.type === 'wait-begin' || event.type === 'wait-end') this.#execs.get(event.exec)?.waits.push(event)
    else if (event.type === 'report') this.#beginReport(event)
    else if (event.type === 'report-ok') put(this.#reports.get(event.call), 'ok', event)
    else if (event.type === 'report-error') put(this.#reports.get(event.call), 'error', event)
  }

  #takeOfWorker(event: Recorded): void {
    if (event.type === 'worker-started') this.#worker(event.process).started = event
    else if (event.type === 'worker-gone') this.#worker(event.worker).gone = event
    else if (event.type === 'drain-begin') this.#worker(event.process).drainBegin ??= event
    else if (event.type === 'drain-end') this.#worker(event.process).drainEnd ??= event
  }

  #takeReading(event: Recorded): void {
    if (event.type === 'state') {
      this.#job(event.job).states.push(event)
      if (event.ref !== undefined && event.status !== 'missing') this.#sawRef(event.ref, event.job)
    } else if (event.type === 'effects') this.#job(event.job).effects = event
  }

  #startExec(start: At<'start'>): void {
    const job = this.#job(start.job)
    const worker = this.#worker(start.process)
    const exec: Exec = {
      start,
      job,
      worker,
      end: undefined,
      aborts: [],
      leaseLost: undefined,
      reports: [],
      steps: [],
      waits: [],
      staleBy: undefined,
    }
    this.#execs.set(start.exec, exec)
    job.execs.push(exec)
    worker.execs.push(exec)
    if (start.ref !== undefined) this.#sawRef(start.ref, start.job)
  }

  #beginReport(event: At<'report'>): void {
    const report: Report = { event, ok: undefined, error: undefined }
    this.#reports.set(event.call, report)
    this.#execs.get(event.exec)?.reports.push(report)
  }

  #fileAdd(add: Add): void {
    add.event.jobs.forEach((spec, position) => {
      const id = add.ok?.ids[position]
      const meant = { spec, add, id }
      if (id !== undefined) this.#job(id).meant.push(meant)
      const sameRef = this.meant.get(spec.ref)
      if (sameRef === undefined) this.meant.set(spec.ref, [meant])
      else sameRef.push(meant)
    })
  }

  #fileChange(change: Change): void {
    const { job } = change.call
    if (job !== 'all') this.#job(job).changes.push(change)
    else if (change.answer?.jobs !== undefined) for (const id of change.answer.jobs) this.#job(id).changes.push(change)
    else for (const any of this.jobs.values()) any.changes.push(change)
  }

  #specOf(job: Job): Job['spec'] {
    const ref = job.execs[0]?.start.ref ?? job.states.find((state) => state.ref !== undefined)?.ref
    const stored = ref === undefined ? undefined : this.meant.get(ref)?.[0]
    return stored?.spec ?? job.meant[0]?.spec
  }

  #sawRef(ref: string, id: number): void {
    const ids = this.idsOfRef.get(ref)
    if (ids === undefined) this.idsOfRef.set(ref, new Set([id]))
    else ids.add(id)
  }

  #job(id: number): Job {
    let job = this.jobs.get(id)
    if (job === undefined) {
      job = { id, meant: [], spec: undefined, execs: [], states: [], changes: [], effects: undefined }
      this.jobs.set(id, job)
    }
    return job
  }

  #worker(name: string): Worker {
    let worker = this.workers.get(name)
    if (worker === undefined) {
      worker = {
        name,
        started: undefined,
        gone: undefined,
        drainBegin: undefined,
        drainEnd: undefined,
        diedAt: Infinity,
        execs: [],
        ...this.#troublesOf(name),
      }
      this.workers.set(name, worker)
    }
    return worker
  }
}

/**
 * What follows a wait that is not over never runs, so nothing tells that the execution ended there: it did if the beginning of a
 * wait is the last that was heard of it.
 */
function endAtWait(exec: Exec): void {
  const last = exec.waits.at(-1)
  if (exec.end !== undefined || last?.type !== 'wait-begin') return
  exec.end = { ...last, type: 'end', outcome: 'waiting' }
}

function put<T extends object, K extends keyof T>(target: T | undefined, key: K, value: T[K]): void {
  if (target !== undefined) target[key] = value
}

/**
 * Says of each execution which other took the job from it. The order of starts is that of claims, but for a worker that
 * claimed a job and begins it when its successor has begun already: because it was frozen in between, or because the job was
 * restarted while the reply to its claim was under way. Its token is the lower one then; so is its attempt number, unless the
 * numbers were set back meanwhile.
 */
function markStale(job: Job): void {
  let holder: Exec | undefined
  for (const exec of job.execs) {
    if (holder !== undefined && beganLate(job, holder, exec)) {
      exec.staleBy = holder
    } else {
      if (holder !== undefined) holder.staleBy = exec
      holder = exec
    }
  }
}

function beganLate(job: Job, holder: Exec, exec: Exec): boolean {
  const [before, now] = [holder.start, exec.start]
  const wasRestarted = job.changes.some((change) => isRestart(change))
  if (before.token === undefined || now.token === undefined) return now.attempt < before.attempt && !wasRestarted
  return now.token < before.token && (now.attempt < before.attempt || wasRestarted)
}
