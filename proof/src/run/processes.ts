import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { existsSync } from 'node:fs'
import { FAKETIME_LIBRARIES, wrongClocks } from '../faults/conditions.ts'
import type { Recorder } from '../history/recorder.ts'
import type { Backend } from './backend.ts'
import type { Child, ChildSpec, Exit } from './child.ts'
import { ChildProcesses } from './children.ts'
import { endsPostgresReply, endsRedisReply, Proxy } from './proxy.ts'
import { Random } from './random.ts'
import type { Settings } from './settings.ts'
import type { ProducerTask, WorkerTask } from './task.ts'

export interface ProcessesOptions {
  readonly settings: Settings
  readonly backend: Backend
  readonly recorder: Recorder
  /** Where histories go, and logs below it. */
  readonly folder: string
  readonly workers: number
  readonly producers: number
  readonly perSecond: number
  readonly shape: WorkerShape
}

/** What all workers of a run have in common. */
export type WorkerShape = Pick<WorkerTask, 'concurrency' | 'groupConcurrency' | 'pollMs' | 'heartbeatMs' | 'drainMs'>

/** Long enough for a supervisor that waits a little, short enough to keep a run busy. */
const RESPAWN_MS = 300

/** The workers and producers of a run, each behind a proxy of its own. */
export class Processes {
  readonly workers: ChildProcesses
  readonly producers: ChildProcesses
  /** When the database last answered a producer, by `performance.now()`. */
  answeredAt = 0
  /** Processes that ended on their own, and should not have. */
  readonly surprises: string[] = []
  readonly #options: ProcessesOptions
  readonly #proxies: readonly Proxy[]

  private constructor(options: ProcessesOptions, proxies: readonly Proxy[]) {
    this.#options = options
    this.#proxies = proxies
    const events = {
      onStarted: () => undefined,
      onEnded: (child: Child, exit: Exit) => this.#ended(child, exit),
      respawnMs: RESPAWN_MS,
    }
    const { workers, producers } = options
    this.workers = new ChildProcesses({
      ...events,
      count: workers,
      spec: (place, boot) => this.#workerSpec(place, boot),
    })
    this.producers = new ChildProcesses({
      ...events,
      count: producers,
      spec: (place, boot) => this.#producerSpec(place, boot),
    })
  }

  static async create(options: ProcessesOptions): Promise<Processes> {
    const { backend, settings, workers, producers } = options
    // What the network does has a chance of its own, which only its own traffic draws from.
    const random = new Random(settings.seed ^ 0x70_72_6f_78)
    const target = backend.target
    const endsReply = settings.store === 'redis' ? endsRedisReply : endsPostgresReply
    const proxies = Array.from({ length: workers + producers }, () => {
      const own = random.fork()
      return new Proxy(target ?? { host: '127.0.0.1', port: 0 }, () => own.next(), endsReply)
    })
    if (target !== undefined) await Promise.all(proxies.map((proxy) => proxy.listen()))
    backend.onMoved((moved) => proxies.forEach((proxy) => proxy.retarget(moved)))
    return new Processes(options, proxies)
  }

  get repliesLost(): number {
    return this.#proxies.reduce((sum, { repliesLost }) => sum + repliesLost, 0)
  }

  /** Ends whatever still runs, and the network with it. */
  async close(): Promise<void> {
    await Promise.all([this.workers.kill(), this.producers.kill()])
    if (this.#options.backend.target === undefined) return
    await Promise.all(this.#proxies.map((proxy) => proxy.close()))
  }

  #ended(child: Child, { code, signal }: Exit): void {
    const { load } = this.#options.settings
    const isPlanned =
      (child.wasSignalled && (code === 0 || signal !== null)) ||
      (load.lastAttempt && signal === 'SIGKILL') ||
      (load.abuse && code === 1)
    if (!isPlanned) this.surprises.push(`${child.name} ended by itself with ${signal ?? `code ${code}`}`)
    this.#options.recorder.record({ type: 'worker-gone', worker: child.name, code, signal, expected: isPlanned })
  }

  #workerSpec(place: number, boot: number): ChildSpec {
    const { settings, shape } = this.#options
    const proxy = this.#proxyAt(place)
    const name = `w${place}-${boot}`
    const task: WorkerTask = { ...this.#taskOf(name, proxy), ...shape }
    const skew = settings.clockSkewSeconds[place % settings.clockSkewSeconds.length]
    if (skew !== undefined) this.#recordSkew(name)
    return {
      ...this.#specOf(name, proxy, 'worker.js', task),
      nodeOptions: ['--expose-gc'],
      ...(skew === undefined ? {} : { env: wrongClock(skew) }),
    }
  }

  /** Of workers alone: the database's clock is right, and what they do is held against it. */
  #recordSkew(worker: string): void {
    const { name, effect } = wrongClocks
    this.#options.recorder.record({
      type: 'fault',
      id: `${name}-${worker}`,
      name,
      effect,
      phase: 'begin',
      workers: [worker],
    })
  }

  #producerSpec(place: number, boot: number): ChildSpec {
    const { settings, producers, perSecond, workers } = this.#options
    const proxy = this.#proxyAt(workers + place)
    const name = `p${place}-${boot}`
    const task: ProducerTask = {
      ...this.#taskOf(name, proxy),
      seed: settings.seed * 1000 + place * 100 + boot,
      load: settings.load,
      perSecond: perSecond / producers,
    }
    return this.#specOf(name, proxy, 'producer.js', task)
  }

  #proxyAt(place: number): Proxy {
    const proxy = this.#proxies[place]
    if (proxy === undefined) throw new Error(`there is no proxy ${place}`)
    return proxy
  }

  #taskOf(name: string, proxy: Proxy): Pick<WorkerTask, 'name' | 'historyFolder' | 'connection' | 'leaseMs'> {
    const { backend, folder, settings } = this.#options
    return { name, historyFolder: folder, connection: backend.connectionFor(proxy), leaseMs: settings.leaseMs }
  }

  #specOf(name: string, proxy: Proxy, script: string, task: object): ChildSpec {
    return {
      name,
      proxy,
      task,
      script: fileURLToPath(new URL(script, import.meta.url)),
      onAnswer: () => (this.answeredAt = performance.now()),
      logFile: join(this.#options.folder, `${name}.log`),
    }
  }
}

function wrongClock(seconds: number): Record<string, string> {
  return {
    LD_PRELOAD: FAKETIME_LIBRARIES.find((path) => existsSync(path)) ?? '',
    FAKETIME: `${seconds < 0 ? '' : '+'}${seconds}`,
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  }
}
