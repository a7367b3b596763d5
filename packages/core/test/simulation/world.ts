import { isMillraceError } from '../../src/errors.ts'
import type { NewJob } from '../../src/store/enqueue.ts'
import type { Store } from '../../src/store/store.ts'
import { Application } from './application.ts'
import { EventLoop, TooManySteps } from './event-loop.ts'
import { History } from './history.ts'
import { Network, type Server } from './network.ts'
import { EPOCH, SimulatedProcess } from './process.ts'
import { Random } from './random.ts'
import { isLive } from './reference-rows.ts'
import { ReferenceStore, type StoreSabotage } from './reference-store.ts'
import { drawScenario, type ProcessSpec, type Sabotage, type Scenario } from './scenario.ts'
import { simulatedStore } from './simulated-store.ts'
import { sabotaged } from './sabotage.ts'

/** No simulation takes more events than this; one that would goes in circles. */
const MAX_STEPS = 400_000

/** How long, once all faults are over, until nothing may be left to do (beside the lease and the longest handler). */
const SETTLING_MS = 240_000

/** How long it is then watched while it has nothing to do. */
const IDLE_MS = 20_000

type Trouble = 'stop' | 'drain' | 'kill' | 'stall' | 'cut'

const PEACEFUL: readonly ['stop', 'drain'] = ['stop', 'drain']

const STORE_SABOTAGE: ReadonlySet<string> = new Set<StoreSabotage>([
  'no fence',
  'no rescue',
  'eager rescue',
  'no group limit',
  'no attempt limit',
])

export interface Outcome {
  readonly scenario: Scenario
  readonly history: History
  /** What went wrong that is not in the history: promises that never settled, jobs that never ended. */
  readonly violations: readonly string[]
}

/** A whole world in one process: a store, applications that use it, and what befalls them. Everything follows from the seed. */
export class World {
  readonly #random: Random
  readonly #scenario: Scenario
  readonly #loop: EventLoop
  readonly #history: History
  readonly #store: ReferenceStore
  readonly #server: Server = { downUntil: 0, deniedUntil: 0 }
  readonly #applications: (Application | undefined)[] = []
  readonly #sabotage: Sabotage | undefined
  readonly #boots: number[] = []
  readonly #ids: number[] = []
  readonly #outstanding = new Map<string, SimulatedProcess>()
  readonly #violations: string[] = []
  #isQuiet = false

  constructor(seed: number, sabotage?: Sabotage) {
    this.#random = new Random(seed)
    this.#scenario = drawScenario(this.#random.fork())
    this.#loop = new EventLoop(this.#random.fork(), { maxSteps: MAX_STEPS })
    this.#history = new History(() => this.#loop.now)
    this.#sabotage = sabotage
    this.#store = new ReferenceStore({
      now: () => this.#loop.now,
      history: this.#history,
      keepCompleted: this.#scenario.keepCompleted,
      onWake: (wake) => {
        for (const application of this.#applications) {
          // A wake-up may be lost; it only ever makes things faster.
          if (application === undefined || (!this.#scenario.isCalm && this.#random.chance(0.3))) continue
          application.process.deliver(this.#random.delay(5), () => application.wake(wake))
        }
      },
      sabotage: isStoreSabotage(sabotage) ? sabotage : undefined,
    })
  }

  async run(): Promise<Outcome> {
    try {
      await this.#live()
    } catch (error) {
      if (!(error instanceof TooManySteps)) throw error
      this.#violations.push(`livelock: ${error.message} by ${Math.round(this.#loop.now)} ms`)
    }
    return { scenario: this.#scenario, history: this.#history, violations: this.#violations }
  }

  async #live(): Promise<void> {
    const { busyMs, processes, isCalm, leaseMs } = this.#scenario
    processes.forEach((_, index) => this.#boot(index))
    void this.#addJobs()
    processes.forEach((_, index) => void this.#trouble(index))
    if (!isCalm) void this.#breakServer()
    void this.#meddle()
    await this.#loop.run(busyMs, () => false)

    this.#isQuiet = true
    this.#history.add({ kind: 'quiet' })
    this.#server.downUntil = this.#loop.now
    this.#server.deniedUntil = this.#loop.now
    for (const application of this.#applications) application?.network.heal()
    const endBy = this.#loop.now + SETTLING_MS + 12 * leaseMs
    const isRepaired = await this.#loop.run(endBy, () => this.#outstanding.size === 0)
    if (!isRepaired) this.#violations.push(`never settled: ${[...this.#outstanding.keys()].join(', ')}`)
    processes.forEach((spec, index) => {
      const application = this.#applications[index] ?? this.#boot(index)
      application.network.heal()
      for (const processor of spec.processors) application.work(processor)
    })
    if (!(await this.#loop.run(endBy, () => this.#isDone()))) this.#reportUnfinished()
    await this.#watchIdle()
    await this.#closeAll()
  }

  #isDone(): boolean {
    return this.#outstanding.size === 0 && ![...this.#store.rows.values()].some(isLive)
  }

  #reportUnfinished(): void {
    for (const row of this.#store.rows.values()) {
      const { id, lane, worker, attempts, maxAttempts } = row
      if (isLive(row))
        this.#violations.push(`job ${id} never ended: ${lane}, worker ${worker}, attempt ${attempts} of ${maxAttempts}`)
    }
  }

  /** With nothing to do, a worker looks at the store about once a second, and no more. */
  async #watchIdle(): Promise<void> {
    await this.#loop.run(this.#loop.now + 5000, () => false)
    const first = this.#history.entries.length
    await this.#loop.run(this.#loop.now + IDLE_MS, () => false)
    const calls = this.#history.entries.slice(first).filter(({ kind }) => kind === 'call').length
    const { pollInterval } = this.#scenario
    const perSecond = 1000 / Math.min(pollInterval, 1000)
    const workers = this.#scenario.processes.reduce((sum, { processors }) => sum + processors.length, 0)
    // Beside it: opening, batches of one, and a supervisor with four tasks a second.
    const most = (workers * (2 + 1.5 * perSecond) + 5 * 4 * this.#scenario.processes.length) * (IDLE_MS / 1000)
    if (calls > most)
      this.#violations.push(`busy while idle: ${calls} calls in ${IDLE_MS} ms, at most ${most} expected`)
  }

  async #closeAll(): Promise<void> {
    for (const application of this.#applications) {
      if (application !== undefined)
        this.#track(`close ${application.process.name}`, application.process, application.close())
    }
    await this.#loop.run(this.#loop.now + 90_000, () => this.#outstanding.size === 0)
    if (this.#outstanding.size > 0) this.#violations.push(`never closed: ${[...this.#outstanding.keys()].join(', ')}`)
    // Batches pause up to 2 s, and a handler that would not stop goes on for a while.
    await this.#loop.run(this.#loop.now + 20 * this.#scenario.leaseMs + 10_000, () => false)
    for (const application of this.#applications) {
      const left = application?.process.pendingTimers ?? 0
      if (left > 0) this.#violations.push(`${left} timers left in ${application?.process.name} after it was closed`)
    }
  }

  #boot(index: number): Application {
    const spec = this.#spec(index)
    const boot = (this.#boots[index] ?? 0) + 1
    this.#boots[index] = boot
    const process = new SimulatedProcess(`n${index}.${boot}`, this.#loop, this.#random.fork())
    const network = new Network({
      process,
      loop: this.#loop,
      random: this.#random.fork(),
      history: this.#history,
      server: this.#server,
      rates: this.#scenario.rates,
      latencyMs: spec.latencyMs,
      connections: spec.connections,
    })
    const application = new Application({
      process,
      network,
      store: sabotaged(simulatedStore(this.#store, network, spec.connections), this.#sabotage),
      history: this.#history,
      random: this.#random.fork(),
      scenario: this.#scenario,
      spec,
      sabotage: this.#sabotage,
    })
    this.#applications[index] = application
    for (const processor of spec.processors) application.work(processor)
    return application
  }

  #spec(index: number): ProcessSpec {
    const spec = this.#scenario.processes[index]
    if (spec === undefined) throw new Error(`no process ${index}`)
    return spec
  }

  /** A promise that must settle before the end, unless its process dies. */
  #track(what: string, process: SimulatedProcess, promise: Promise<unknown>): void {
    const name = `${what} #${this.#loop.steps}/${this.#outstanding.size}`
    this.#outstanding.set(name, process)
    const over = (): void => void this.#outstanding.delete(name)
    promise.then(over, over)
  }

  #forget(process: SimulatedProcess): void {
    for (const [name, owner] of this.#outstanding) if (owner === process) this.#outstanding.delete(name)
  }

  async #addJobs(): Promise<void> {
    const random = this.#random.fork()
    const { jobs, busyMs } = this.#scenario
    for (let key = 0; key < jobs;) {
      await this.#loop.sleep(random.delay(busyMs / jobs / 2))
      if (this.#isQuiet) return
      const application = this.#anyApplication(random)
      if (application === undefined) continue
      const batch = Array.from({ length: random.chance(0.2) ? random.integer(2, 5) : 1 }, () =>
        this.#newJob(key++, random),
      )
      const [first] = batch
      if (first === undefined) continue
      const added =
        batch.length > 1 ? application.enqueuer.addMany(batch) : application.enqueuer.add(first).then((id) => [id])
      this.#track(
        `add ${key}`,
        application.process,
        added.then((ids) => this.#acked(key, ids)),
      )
    }
  }

  #acked(key: number, ids: readonly number[]): void {
    for (const id of ids) {
      this.#ids.push(id)
      this.#history.add({ kind: 'acked', key, id })
      if (!this.#store.rows.has(id)) this.#violations.push(`job ${id} was acked and does not exist`)
    }
  }

  #newJob(key: number, random: Random): NewJob {
    return {
      jobType: random.chance(0.95) ? 'work' : 'nobody handles it',
      payload: String(key),
      maxAttempts: random.integer(1, 4),
      priority: random.pick([0, 0, 0, 1, -5]),
      retryDelay: random.pick([0, 0.05, 2]),
      retryBackoff: random.chance(0.3),
      ...(random.chance(0.2) ? { timeoutMs: random.integer(300, 3000) } : {}),
      ...(random.chance(0.3) ? { groupId: random.pick(['g', 'h']) } : {}),
      ...(random.chance(0.2) ? { idempotencyKey: `key ${random.integer(0, 10)}` } : {}),
      ...(random.chance(0.2) ? { runAt: new Date(EPOCH + this.#loop.now + random.delay(3000)) } : {}),
    }
  }

  #anyApplication(random: Random): Application | undefined {
    const alive = this.#applications.filter((application) => application?.process.isAlive === true)
    return alive[random.integer(0, alive.length - 1)]
  }

  /** What befalls one process, one thing after the other. */
  async #trouble(index: number): Promise<void> {
    const random = this.#random.fork()
    for (;;) {
      await this.#loop.sleep(random.delay(this.#scenario.troubleEveryMs))
      if (this.#isQuiet) return
      const application = this.#applications[index]
      if (application === undefined) continue
      const what = random.pick<Trouble>(this.#scenario.isCalm ? PEACEFUL : [...PEACEFUL, 'kill', 'stall', 'cut'])
      if (what === 'stop' || what === 'drain') await this.#interrupt(application, index, random, what)
      else await this.#harm(application, index, random, what)
    }
  }

  async #interrupt(application: Application, index: number, random: Random, how: 'stop' | 'drain'): Promise<void> {
    const { processors } = this.#spec(index)
    const spec = processors[random.integer(0, processors.length - 1)]
    if (spec === undefined) return
    if (how === 'stop') application.stop(spec)
    else this.#track(`drain ${spec.name}`, application.process, application.drain(spec, random.pick([0, 300, 30_000])))
    await this.#loop.sleep(random.delay(1000))
    if (application.process.isAlive && !this.#isQuiet) application.work(spec)
  }

  async #harm(application: Application, index: number, random: Random, how: 'kill' | 'stall' | 'cut'): Promise<void> {
    const { process, network } = application
    const forMs = random.delay(this.#scenario.leaseMs)
    const until = Math.min(this.#loop.now + forMs, this.#scenario.busyMs)
    if (how === 'stall') {
      process.stall(until)
      this.#history.add({ kind: 'stalled', process: process.name, forMs: until - this.#loop.now })
    } else if (how === 'cut') {
      network.cutOff(until)
      this.#history.add({ kind: 'cut off', process: process.name, forMs: until - this.#loop.now })
    } else {
      process.kill()
      this.#forget(process)
      this.#applications[index] = undefined
      this.#history.add({ kind: 'killed', process: process.name })
      await this.#loop.sleep(random.delay(1000))
      if (!this.#isQuiet) this.#boot(index)
    }
  }

  async #breakServer(): Promise<void> {
    const random = this.#random.fork()
    for (;;) {
      await this.#loop.sleep(random.delay(20_000))
      if (this.#isQuiet) return
      const forMs = random.delay(3000)
      this.#server[random.chance(0.7) ? 'downUntil' : 'deniedUntil'] = this.#loop.now + forMs
      this.#history.add({ kind: 'server down', forMs })
    }
  }

  /** Users who cancel and retry jobs, whatever state those are in. */
  async #meddle(): Promise<void> {
    const random = this.#random.fork()
    for (;;) {
      await this.#loop.sleep(random.delay(2500))
      if (this.#isQuiet) return
      const application = this.#anyApplication(random)
      const id = this.#ids[random.integer(0, this.#ids.length - 1)]
      if (application === undefined || id === undefined) continue
      this.#track(`change ${id}`, application.process, this.#change(application.store, id, random.chance(0.6)))
    }
  }

  async #change(store: Store, id: number, isCancel: boolean): Promise<void> {
    try {
      const answer = isCancel ? await store.cancel({ id }) : await store.retry({ id })
      if (isCancel) this.#history.add({ kind: 'cancel acked', id, answer })
    } catch (error) {
      if (!isMillraceError(error)) throw error
    }
  }
}

function isStoreSabotage(sabotage: Sabotage | undefined): sabotage is StoreSabotage {
  return sabotage !== undefined && STORE_SABOTAGE.has(sabotage)
}
