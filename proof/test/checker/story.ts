import type { EventOf, EventType, HistoryEvent, Recorded } from '../../src/history/event.ts'
import type { JobSpec } from '../../src/history/producer-event.ts'
import { inOrder } from '../../src/history/read-history.ts'
import type { RunParams } from '../../src/history/run-event.ts'
import { check, type Judgement } from '../../src/checker/check.ts'

export const PARAMS: RunParams = {
  seed: 1,
  store: 'postgres',
  faults: [],
  leaseMs: 5_000,
  sweepMs: 1_000,
  pollMs: 1_000,
  heartbeat: 'thread',
  maxRunMs: 2_000,
  drainMs: 5_000,
}

/** The database's clock when the monotonic one is at nought. */
export const DB_EPOCH_MS = 1_800_000_000_000

type Fields<T extends EventType> = Omit<EventOf<T>, 'type'>

/** A history written by hand: events in any order, each with its time and writer. */
export class Story {
  readonly #written: (HistoryEvent & { at: number; process: string })[] = []
  readonly params: RunParams

  /** Begins with a run and two workers of three slots each, at 0. */
  constructor(params: Partial<RunParams> = {}) {
    this.params = { ...PARAMS, ...params }
    this.write(0, 'harness', 'run', { params: this.params })
    this.clock(0)
    this.worker(0, 'w1').worker(0, 'w2')
  }

  write<T extends EventType>(at: number, process: string, type: T, fields: Fields<T>): this {
    this.#written.push({ at, process, type, ...fields } as HistoryEvent & { at: number; process: string })
    return this
  }

  /** Takes away what matches, for a history that lacks something. */
  without(matches: (event: HistoryEvent) => boolean): this {
    const kept = this.#written.filter((event) => !matches(event))
    this.#written.splice(0, this.#written.length, ...kept)
    return this
  }

  clock(at: number, dbMs = DB_EPOCH_MS + at): this {
    return this.write(at, 'harness', 'db-clock', { sentAt: at, dbMs })
  }

  worker(at: number, name: string, concurrency = 3): this {
    return this.write(at, name, 'worker-started', { concurrency })
  }

  /** Adds job `job` under ref `r<job>`, answered 10 ms later. */
  add(at: number, job: number, spec: Partial<JobSpec> = {}, tx?: string): this {
    const jobs = [specOf(job, spec)]
    this.write(at, 'p1', 'add', { call: `add-${job}-${at}`, jobs, ...(tx === undefined ? {} : { tx }) })
    return this.write(at + 10, 'p1', 'add-ok', { call: `add-${job}-${at}`, ids: [job] })
  }

  start(at: number, worker: string, job: number, fields: Partial<Fields<'start'>> = {}): this {
    const attempt = fields.attempt ?? 1
    return this.write(at, worker, 'start', {
      exec: `${worker}/${job}/${attempt}`,
      job,
      ref: `r${job}`,
      jobType: 'work',
      payloadHash: 'payload',
      ...fields,
      attempt,
    })
  }

  end(
    at: number,
    worker: string,
    job: number,
    fields: { attempt?: number; outcome?: EventOf<'end'>['outcome']; outputHash?: string } = {},
  ): this {
    const { attempt = 1, outcome = 'ok', ...rest } = fields
    return this.write(at, worker, 'end', { exec: `${worker}/${job}/${attempt}`, outcome, ...rest })
  }

  abort(at: number, worker: string, job: number, reason: EventOf<'abort'>['reason']): this {
    return this.write(at, worker, 'abort', { exec: `${worker}/${job}/1`, reason })
  }

  /** One run, from its start to its success. */
  ran([from, to]: readonly [number, number], worker: string, job: number, attempt = 1): this {
    return this.start(from, worker, job, { attempt }).end(to, worker, job, { attempt })
  }

  fault([from, to]: readonly [number, number], effect: EventOf<'fault'>['effect'], workers?: readonly string[]): this {
    const fields = { id: `${effect}-${from}`, name: effect, effect, ...(workers === undefined ? {} : { workers }) }
    if (from === to) return this.write(from, 'harness', 'fault', { ...fields, phase: 'once' })
    this.write(from, 'harness', 'fault', { ...fields, phase: 'begin' })
    return this.write(to, 'harness', 'fault', { ...fields, phase: 'end' })
  }

  kill(at: number, worker: string): this {
    this.fault([at, at], 'kill', [worker])
    return this.write(at + 5, 'harness', 'worker-gone', { worker, code: null, signal: 'SIGKILL', expected: true })
  }

  state(at: number, job: number, status: EventOf<'state'>['status'], fields: Partial<Fields<'state'>> = {}): this {
    return this.write(at, 'harness', 'state', { job, sentAt: at - 5, status, ref: `r${job}`, ...fields })
  }

  change(at: number, job: number, verb: EventOf<'change'>['verb'], answer: EventOf<'change-ok'>['answer']): this {
    this.write(at, 'p1', 'change', { call: `${verb}-${job}-${at}`, verb, job })
    return this.write(at + 10, 'p1', 'change-ok', { call: `${verb}-${job}-${at}`, answer })
  }

  /** Faults stop, and long after everything stored is read: by default one job, completed. */
  finish(states: Readonly<Record<number, EventOf<'state'>['status']>> = { 1: 'completed' }, at = 60_000): this {
    this.write(at - 30_000, 'harness', 'quiet', {})
    this.clock(at - 10)
    for (const [job, status] of Object.entries(states)) this.state(at, Number(job), status)
    this.write(at + 10, 'harness', 'inventory', { sentAt: at - 10, count: Object.keys(states).length })
    return this.write(at + 1_000, 'harness', 'finished', {})
  }

  history(): Recorded[] {
    const lines = new Map<string, number>()
    const written = this.#written
      .toSorted((a, b) => a.at - b.at)
      .map((event) => {
        const line = (lines.get(event.process) ?? 0) + 1
        lines.set(event.process, line)
        return { ...event, file: `${event.process}.jsonl`, line } as Omit<Recorded, 'index'>
      })
    return inOrder(written)
  }

  judge(): Judgement {
    return check(this.history())
  }
}

export function specOf(job: number, spec: Partial<JobSpec> = {}): JobSpec {
  return { ref: `r${job}`, jobType: 'work', payloadHash: 'payload', maxAttempts: 3, ...spec }
}

/** The promises that a history breaks. */
export function broken(judgement: Judgement): string[] {
  return judgement.verdicts.filter(({ verdict }) => verdict === 'violated').map(({ guarantee }) => guarantee)
}

/** Those it puts to the test and keeps. */
export function kept(judgement: Judgement): string[] {
  return judgement.verdicts.filter(({ verdict }) => verdict === 'held').map(({ guarantee }) => guarantee)
}
