import { isRestart } from './timeline.js'
/** Files events under the jobs, executions, workers and calls they are about. */
export class Registry {
  jobs = new Map()
  workers = new Map()
  meant = new Map()
  idsOfRef = new Map()
  #adds = new Map()
  #execs = new Map()
  #changes = new Map()
  #reports = new Map()
  #troublesOf
  constructor(troublesOf) {
    this.#troublesOf = troublesOf
  }
  get adds() {
    return [...this.#adds.values()]
  }
  take(event) {
    this.#takeOfProducer(event)
    this.#takeOfExec(event)
    this.#takeOfWorker(event)
    this.#takeReading(event)
  }
  /** Draws the conclusions that need the whole history. */
  finish(killTimes) {
    for (const worker of this.workers.values()) {
      worker.diedAt = Math.min(killTimes.get(worker.name) ?? Infinity, worker.gone?.at ?? Infinity)
    }
    for (const add of this.#adds.values()) this.#fileAdd(add)
    for (const change of this.#changes.values()) this.#fileChange(change)
    for (const job of this.jobs.values()) {
      job.spec = this.#specOf(job)
      markStale(job)
    }
  }
  #takeOfProducer(event) {
    if (event.type === 'add') this.#adds.set(event.call, { event, ok: undefined, error: undefined })
    else if (event.type === 'add-ok') put(this.#adds.get(event.call), 'ok', event)
    else if (event.type === 'add-error') put(this.#adds.get(event.call), 'error', event)
    else if (event.type === 'change')
      this.#changes.set(event.call, { call: event, answer: undefined, error: undefined })
    else if (event.type === 'change-ok') put(this.#changes.get(event.call), 'answer', event)
    else if (event.type === 'change-error') put(this.#changes.get(event.call), 'error', event)
  }
  #takeOfExec(event) {
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
  #takeOfWorker(event) {
    if (event.type === 'worker-started') this.#worker(event.process).started = event
    else if (event.type === 'worker-gone') this.#worker(event.worker).gone = event
    else if (event.type === 'drain-begin') this.#worker(event.process).drainBegin ??= event
    else if (event.type === 'drain-end') this.#worker(event.process).drainEnd ??= event
  }
  #takeReading(event) {
    if (event.type === 'state') {
      this.#job(event.job).states.push(event)
      if (event.ref !== undefined && event.status !== 'missing') this.#sawRef(event.ref, event.job)
    } else if (event.type === 'effects') this.#job(event.job).effects = event
  }
  #startExec(start) {
    const job = this.#job(start.job)
    const worker = this.#worker(start.process)
    const exec = {
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
  #beginReport(event) {
    const report = { event, ok: undefined, error: undefined }
    this.#reports.set(event.call, report)
    this.#execs.get(event.exec)?.reports.push(report)
  }
  #fileAdd(add) {
    add.event.jobs.forEach((spec, position) => {
      const id = add.ok?.ids[position]
      const meant = { spec, add, id }
      if (id !== undefined) this.#job(id).meant.push(meant)
      const sameRef = this.meant.get(spec.ref)
      if (sameRef === undefined) this.meant.set(spec.ref, [meant])
      else sameRef.push(meant)
    })
  }
  #fileChange(change) {
    const { job } = change.call
    if (job !== 'all') this.#job(job).changes.push(change)
    else if (change.answer?.jobs !== undefined) for (const id of change.answer.jobs) this.#job(id).changes.push(change)
    else for (const any of this.jobs.values()) any.changes.push(change)
  }
  #specOf(job) {
    const ref = job.execs[0]?.start.ref ?? job.states.find((state) => state.ref !== undefined)?.ref
    const stored = ref === undefined ? undefined : this.meant.get(ref)?.[0]
    return stored?.spec ?? job.meant[0]?.spec
  }
  #sawRef(ref, id) {
    const ids = this.idsOfRef.get(ref)
    if (ids === undefined) this.idsOfRef.set(ref, new Set([id]))
    else ids.add(id)
  }
  #job(id) {
    let job = this.jobs.get(id)
    if (job === undefined) {
      job = { id, meant: [], spec: undefined, execs: [], states: [], changes: [], effects: undefined }
      this.jobs.set(id, job)
    }
    return job
  }
  #worker(name) {
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
function put(target, key, value) {
  if (target !== undefined) target[key] = value
}
/**
 * Says of each execution which other took the job from it. The order of starts is that of claims, but for a worker that
 * claimed a job, was frozen before it began, and begins when its successor has begun long since: its attempt number is the
 * lower one, unless the numbers were set back meanwhile.
 */
function markStale(job) {
  let holder
  for (const exec of job.execs) {
    const before = holder
    const numbersMayBeReset = before !== undefined && job.changes.some((change) => isRestart(change))
    if (before !== undefined && exec.start.attempt < before.start.attempt && !numbersMayBeReset) {
      exec.staleBy = before
    } else {
      if (before !== undefined) before.staleBy = exec
      holder = exec
    }
  }
}
//# sourceMappingURL=registry.js.map
