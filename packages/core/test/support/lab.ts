import { fork, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterEach } from 'vitest'
import {
  initJobQueue,
  type JobDefinition,
  type JobQueue,
  type PayloadMapOf,
  type PostgresJobQueueConfig,
  type ProcessorOptions,
} from '../../src/index.ts'
import { poll } from './poll.ts'

/** The server the tests run on; without one they are skipped. */
export const SERVER_URL: string | undefined =
  process.env['MILLRACE_TEST_PG18_URL'] ?? process.env['MILLRACE_TEST_PG14_URL']

/** What a worker process tells; see `fixtures/worker.mjs`. */
export interface WorkerMessage {
  readonly event: string
  readonly jobId?: number
  readonly attempt?: number
  readonly code?: string
  readonly at: number
  readonly [name: string]: unknown
}

export interface WorkerSettings {
  readonly processor?: ProcessorOptions
  readonly config?: Omit<PostgresJobQueueConfig, 'pool' | 'jobs'>
  /** How far the clock of its process is ahead. */
  readonly skewMs?: number
  /** It kills itself so long after it has begun its n-th step; see `fixtures/step-handlers.mjs`. */
  readonly dieAfter?: { readonly steps: number; readonly ms: number }
}

export interface WorkerProcess {
  readonly pid: number
  readonly messages: WorkerMessage[]
  /** The first message of this kind, now or later. */
  heard(event: string, within?: number): Promise<WorkerMessage>
  send(message: object): void
  signal(name: NodeJS.Signals): void
  /** Resolves with the exit code once the process has ended. */
  readonly ended: Promise<number | null>
}

/** An instance of its own for one test, and everything that must be closed after it. */
export interface Lab {
  readonly schema: string
  /** Of a role of its own, so that its connections can be told from others. */
  readonly url: string
  readonly role: string
  /** A queue on this instance; closed after the test. */
  queue<PayloadMap = Record<string, unknown>>(config?: PostgresJobQueueConfig): JobQueue<PayloadMap>
  /** The same with job definitions. */
  definedQueue<const Jobs extends Readonly<Record<string, JobDefinition>>>(
    jobs: Jobs,
    config?: PostgresJobQueueConfig,
  ): JobQueue<PayloadMapOf<Jobs>>
  /** Runs SQL as a superuser, beside the queue. */
  sql(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>
  /** How many connections queues of this lab hold now, in all processes. */
  connections(): Promise<number>
  /** A further session of a superuser, for transactions. */
  session(): Promise<pg.Client>
  /** A processor in a process of its own, once it works. */
  worker(options?: WorkerSettings): Promise<WorkerProcess>
  /** Asserts that what is stored is possible. */
  check(): Promise<void>
}

/** A fresh lab for each call; everything is closed, and its schema dropped, after the test that called. */
export async function openLab(): Promise<Lab> {
  if (SERVER_URL === undefined) throw new Error('no server: run these tests by `npm test`')
  const name = `lab_${randomBytes(6).toString('hex')}`
  const admin = new pg.Pool({ connectionString: SERVER_URL, max: 3 })
  admin.on('error', () => undefined)
  await admin.query(`create role ${name} superuser login`)
  const address = new URL(SERVER_URL)
  address.username = name
  const lab = new OpenLab(admin, name, address.href)
  labs.push(lab)
  return lab
}

const labs: OpenLab[] = []
afterEach(async () => {
  for (const lab of labs.splice(0)) await lab.close()
})

const WORKER = fileURLToPath(new URL('../fixtures/worker.mjs', import.meta.url))

class OpenLab implements Lab {
  readonly schema: string
  readonly role: string
  readonly url: string
  readonly #admin: pg.Pool
  readonly #closing: (() => Promise<unknown>)[] = []

  constructor(admin: pg.Pool, name: string, url: string) {
    this.#admin = admin
    this.schema = name
    this.role = name
    this.url = url
  }

  queue<PayloadMap>(config: PostgresJobQueueConfig = {}): JobQueue<PayloadMap> {
    return this.#keep(initJobQueue<PayloadMap>(this.#config(config)))
  }

  definedQueue<const Jobs extends Readonly<Record<string, JobDefinition>>>(
    jobs: Jobs,
    config: PostgresJobQueueConfig = {},
  ): JobQueue<PayloadMapOf<Jobs>> {
    return this.#keep(initJobQueue({ ...this.#config(config), jobs }))
  }

  async sql(text: string, values?: unknown[]): Promise<Record<string, unknown>[]> {
    const { rows } = await this.#admin.query<Record<string, unknown>>(text, values)
    return rows
  }

  async connections(): Promise<number> {
    const [row] = await this.sql('select count(*)::int as n from pg_stat_activity where usename = $1', [this.role])
    return Number(row?.['n'])
  }

  async session(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: SERVER_URL })
    client.on('error', () => undefined)
    await client.connect()
    this.#closing.push(() => client.end())
    return client
  }

  async worker(options: WorkerSettings = {}): Promise<WorkerProcess> {
    const child = fork(WORKER, [JSON.stringify({ url: this.url, schema: this.schema, ...options })], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      execArgv: options.skewMs === undefined ? [] : ['--import', skewedClock(options.skewMs)],
    })
    const worker = new ForkedWorker(child)
    this.#closing.push(async () => {
      child.kill('SIGKILL')
      await worker.ended
    })
    await worker.heard('working')
    return worker
  }

  async check(): Promise<void> {
    const rows = await this.sql(`select * from "${this.schema}".check_invariants()`)
    if (rows.length > 0) throw new Error(`impossible things are stored: ${JSON.stringify(rows)}`)
  }

  async close(): Promise<void> {
    await Promise.all(this.#closing.map((close) => close()))
    await this.#admin.query(`drop schema if exists ${this.schema} cascade`)
    await this.#admin.query(`drop role ${this.role}`)
    await this.#admin.end()
  }

  #config(config: PostgresJobQueueConfig): PostgresJobQueueConfig {
    const own =
      config.pool === undefined ? { databaseConfig: { connectionString: this.url, ...config.databaseConfig } } : {}
    return { schema: this.schema, ...config, ...own }
  }

  #keep<Queue extends AsyncDisposable & { close(options?: { drainMs?: number }): Promise<void> }>(queue: Queue): Queue {
    this.#closing.push(() => queue.close({ drainMs: 0 }))
    return queue
  }
}

/** A module that shifts the clock of its process. */
function skewedClock(skewMs: number): string {
  const source = `const real = Date; const now = () => real.now() + ${skewMs}
    globalThis.Date = class extends real { constructor(...a) { super(...(a.length ? a : [now()])) } static now() { return now() } }`
  return `data:text/javascript,${encodeURIComponent(source)}`
}

class ForkedWorker implements WorkerProcess {
  readonly messages: WorkerMessage[] = []
  readonly ended: Promise<number | null>
  readonly #child: ChildProcess

  constructor(child: ChildProcess) {
    this.#child = child
    child.on('message', (message: WorkerMessage) => this.messages.push({ ...message, at: performance.now() }))
    this.ended = new Promise((resolve) => {
      child.once('exit', (code) => resolve(code))
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  heard(event: string, within = 15_000): Promise<WorkerMessage> {
    const find = (): WorkerMessage | undefined => this.messages.find((message) => message.event === event)
    return poll(find, { within, what: `a worker says ${event}` }).then((message) => message ?? { event, at: 0 })
  }

  send(message: object): void {
    this.#child.send(message)
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }
}
