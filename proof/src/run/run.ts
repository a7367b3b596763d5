import { setTimeout as sleep } from 'node:timers/promises'
import type { JobQueue } from 'millrace'
import type { Fault } from '../faults/fault.ts'
import type { RunParams } from '../history/run-event.ts'
import { readHistory } from '../history/read-history.ts'
import { monotonicMs, Recorder } from '../history/recorder.ts'
import type { Backend } from './backend.ts'
import { conduct } from './conductor.ts'
import { BUSINESS_TABLE, EFFECTS_TABLE } from './database.ts'
import { PgliteBackend } from './pglite-backend.ts'
import { PostgresBackend } from './postgres-backend.ts'
import { Processes, type WorkerShape } from './processes.ts'
import { RedisBackend } from './redis-backend.ts'
import { Random } from './random.ts'
import { Readings } from './readings.ts'
import { LANES, makeSchedule, type Schedule, type Step } from './schedule.ts'
import { declareSchedules } from './recurring.ts'
import { defaultSettings, type Settings, type StoreName } from './settings.ts'
import { stateOf } from './state.ts'

export interface RunOptions {
  readonly seed: number
  readonly minutes: number
  readonly store: StoreName
  readonly version: 18 | 14
  readonly faults: readonly Fault[]
  /** The chance of each condition among the faults to hold. */
  readonly conditionChance: number
  /** An empty folder for the history. */
  readonly folder: string
  readonly perSecond: number
  readonly workers: number
  readonly producers: number
  readonly say: (line: string) => void
}

/** What happened, besides what the history tells. */
export interface RunOutcome {
  readonly conditions: readonly string[]
  /** How often each fault was in force. */
  readonly injected: ReadonlyMap<string, number>
  readonly repliesLost: number
  /** What is wrong whatever the history says: impossible rows, processes that died by themselves or did not leave. */
  readonly problems: readonly string[]
  readonly serverLog: string
}

/** Short, so that a run of a minute sees many of them end; but longer than an embedded database takes to change its owner. */
const LEASE_MS = { postgres: 3000, pglite: 9000, redis: 3000 } as const

/** The longest that an embedded database may be without an answer after the process that ran it is gone. */
const TAKEOVER_MS = 30_000

/** What the promises allow between the end of the faults and the end of the last job, with room for a slow machine. */
const QUIET_MS = 90_000

const SHAPE: Omit<WorkerShape, 'heartbeatMs'> = {
  concurrency: 10,
  groupConcurrency: 2,
  pollMs: 500,
  drainMs: 10_000,
}

/** One run: a store, processes, load, faults, quiet, and a last look at everything. Its history is in `folder`. */
export async function run(options: RunOptions): Promise<RunOutcome> {
  const { seed, store, version, folder } = options
  const leaseMs = LEASE_MS[store]
  const settings = defaultSettings({ store, seed, leaseMs, version })
  const random = new Random(seed)
  const durationMs = options.minutes * 60_000
  const schedule = makeSchedule(random, { ...options, durationMs, leaseMs })
  arrange(settings, schedule)
  using recorder = Recorder.open(folder, 'harness', 'harness')
  recorder.record({ type: 'run', params: paramsOf(options, settings, schedule) })
  const backend = await startBackend(settings, folder)
  try {
    const processes = await Processes.create({
      ...options,
      settings,
      backend,
      recorder,
      shape: { ...SHAPE, heartbeatMs: leaseMs / 3 },
    })
    try {
      return await new Running(options, { schedule, recorder, backend, processes }).toTheEnd(durationMs)
    } finally {
      await processes.close()
    }
  } finally {
    await backend.stop()
  }
}

function startBackend(settings: Settings, folder: string): Promise<Backend> {
  switch (settings.store) {
    case 'postgres':
      return PostgresBackend.start(settings, folder)
    case 'pglite':
      return PgliteBackend.start(folder)
    case 'redis':
      return RedisBackend.start(settings)
  }
}

function arrange(settings: Settings, { conditions, steps }: Schedule): void {
  for (const fault of new Set([...conditions, ...steps.map((step) => step.fault)])) fault.arrange?.(settings)
}

function paramsOf(options: RunOptions, settings: Settings, { conditions, steps }: Schedule): RunParams {
  return {
    seed: options.seed,
    store: options.store,
    // Those that certainly happen: what comes later in a lane depends on how long the ones before take.
    faults: [...new Set([...conditions, ...firstOfEachLane(steps)].map(({ name }) => name))],
    leaseMs: settings.leaseMs,
    sweepMs: 1000,
    pollMs: SHAPE.pollMs,
    beatMs: settings.leaseMs / 3,
    heartbeat: options.store === 'redis' ? 'main' : 'thread',
    maxRunMs: settings.leaseMs * 2 + 500,
    drainMs: SHAPE.drainMs,
    poolSize: settings.poolSize,
    groupLimit: SHAPE.groupConcurrency,
    slackMs: 1500,
    maxHeapMb: 150,
  }
}

function firstOfEachLane(steps: readonly Step[]): readonly Fault[] {
  return LANES.flatMap((lane) => steps.filter((step) => step.lane === lane).slice(0, 1)).map(({ fault }) => fault)
}

interface RunParts {
  readonly schedule: Schedule
  readonly recorder: Recorder
  readonly backend: Backend
  readonly processes: Processes
}

class Running {
  readonly #options: RunOptions
  readonly #parts: RunParts
  readonly #injected = new Map<string, number>()
  readonly #problems: string[] = []
  #owners = 0

  constructor(options: RunOptions, parts: RunParts) {
    this.#options = options
    this.#parts = parts
  }

  async toTheEnd(durationMs: number): Promise<RunOutcome> {
    const { recorder, processes, schedule, backend } = this.#parts
    const conditions = schedule.conditions.map(({ name }) => name)
    for (const { name, effect } of schedule.conditions) {
      // Of each worker as it starts.
      if (effect === 'clock') continue
      recorder.record({ type: 'fault', id: name, name, effect, phase: 'begin' })
    }
    // The owner of an embedded database that dies takes seconds of ticks along.
    if (backend.target !== undefined) await declareSchedules(backend, recorder, durationMs)
    await backend.redis?.settles()
    processes.workers.start()
    processes.producers.start()
    await using readings = new Readings(backend, recorder)
    await this.#underFaults(durationMs)
    recorder.record({ type: 'quiet' })
    await this.#stop('producers')
    await readings.readClock()
    await this.#lookAround()
    await readings.readClock()
    recorder.record({ type: 'finished' })
    const problems = [
      ...this.#problems,
      ...processes.surprises,
      ...((backend.database ?? backend.redis)?.problems ?? []),
    ]
    const serverLog = problems.length > 0 ? backend.log() : ''
    return { conditions, injected: this.#injected, repliesLost: processes.repliesLost, problems, serverLog }
  }

  async #underFaults(durationMs: number): Promise<void> {
    const { schedule, recorder, processes, backend } = this.#parts
    const over = AbortSignal.timeout(durationMs)
    const conducted = conduct(
      {
        site: { workers: processes.workers, producers: processes.producers, leaseMs: LEASE_MS[this.#options.store] },
        servers: { database: backend.database, redis: backend.redis, completed: () => this.#completed() },
        steps: schedule.steps,
        record: (event) => recorder.record(event),
        around: () => this.#watchOwner(),
        onStep: (name) => this.#injected.set(name, (this.#injected.get(name) ?? 0) + 1),
      },
      over,
    )
    await Promise.all([conducted, untilAborted(over)])
  }

  /**
   * Whichever process a fault hits, it may be the one that runs the embedded database: until somebody is answered again, the
   * database counts as down.
   */
  #watchOwner(): () => Promise<void> {
    const { backend, recorder, processes } = this.#parts
    if (backend.target !== undefined) return () => Promise.resolve()
    const about = { type: 'fault', id: `owner-${this.#owners++}`, name: 'owner', effect: 'server' } as const
    recorder.record({ ...about, phase: 'begin' })
    return async () => {
      const healedAt = performance.now()
      while (processes.answeredAt < healedAt && performance.now() < healedAt + 2 * TAKEOVER_MS) await sleep(10)
      recorder.record({ ...about, phase: 'end' })
      const tookMs = Math.round(performance.now() - healedAt)
      if (tookMs > TAKEOVER_MS) this.#problems.push(`the embedded database did not answer for ${tookMs} ms`)
    }
  }

  async #completed(): Promise<number> {
    await using queue = this.#parts.backend.openQueue()
    return (await queue.getStats()).byStatus.completed
  }

  async #stop(kind: 'workers' | 'producers'): Promise<void> {
    const late = await this.#parts.processes[kind].stop(SHAPE.drainMs + 60_000)
    for (const name of late) this.#problems.push(`${name} did not leave after SIGTERM`)
  }

  /** Waits until nothing is left to do, lets the workers go, and reads everything there is. */
  async #lookAround(): Promise<void> {
    const { recorder, backend } = this.#parts
    const queue = backend.openQueue()
    try {
      const left = await untilIdle(queue)
      if (left > 0) this.#problems.push(`${left} jobs have not ended ${QUIET_MS} ms after the last fault`)
      await this.#stop('workers')
      await readInventory(queue, recorder)
      if (backend.redis === undefined) await readEffects(queue, { recorder, folder: this.#options.folder })
      for (const { invariant, detail } of await queue.checkInvariants()) {
        recorder.record({ type: 'invariant', invariant, detail })
        this.#problems.push(`impossible: ${invariant}: ${detail}`)
      }
    } finally {
      await queue.close()
    }
  }
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** Resolves with the number of jobs that are left: 0, or after the limit more. */
async function untilIdle(queue: JobQueue): Promise<number> {
  for (const deadline = performance.now() + QUIET_MS; ; await sleep(200)) {
    const { byStatus } = await queue.getStats()
    const retried = (await queue.getJobs({ status: 'failed', final: false }, 1)).length
    const left = byStatus.pending + byStatus.processing + byStatus.waiting + retried
    if (left === 0 || performance.now() > deadline) return left
  }
}

const PAGE = 2000

interface ReadOptions {
  readonly recorder: Recorder
  readonly folder: string
}

async function readInventory(queue: JobQueue, recorder: Recorder): Promise<void> {
  const sentAt = monotonicMs()
  let count = 0
  for (let cursor: number | undefined; ;) {
    const readAt = monotonicMs()
    const jobs = await queue.getJobs(cursor === undefined ? {} : { cursor }, PAGE)
    for (const job of jobs) recorder.record(stateOf(job.id, job, readAt))
    count += jobs.length
    cursor = jobs.at(-1)?.id
    if (cursor === undefined) break
  }
  recorder.record({ type: 'inventory', sentAt, count })
}

/** Whether the business row of each transaction that somebody began is there, and what each transactional handler left. */
async function readEffects(queue: JobQueue, { recorder, folder }: ReadOptions): Promise<void> {
  const { events } = readHistory(folder)
  const begun = events.flatMap((event) => (event.type === 'add' && event.tx !== undefined ? [event.tx] : []))
  const { rows } = await queue.transaction((tx) => tx.query(`select tx from ${BUSINESS_TABLE}`))
  const present = new Set(rows.map(({ tx }) => String(tx)))
  for (const tx of new Set(begun)) recorder.record({ type: 'business-row', tx, present: present.has(tx) })
  const counted = await queue.transaction((tx) =>
    tx.query(`select job, count(*)::integer as n from ${EFFECTS_TABLE} group by job`),
  )
  const effects = new Map(counted.rows.map(({ job, n }) => [Number(job), Number(n)]))
  const transactional = events.flatMap((event) =>
    event.type === 'start' && event.jobType === 'transact' ? [event.job] : [],
  )
  for (const job of new Set([...transactional, ...effects.keys()]))
    recorder.record({ type: 'effects', job, count: effects.get(job) ?? 0 })
}
