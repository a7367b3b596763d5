import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { JobQueue } from 'millrace'
import { ChildProcesses } from '../run/children.ts'
import { APP_ROLE, SCHEMA, type Database } from '../run/database.ts'
import { PostgresBackend } from '../run/postgres-backend.ts'
import { endsPostgresReply, Proxy } from '../run/proxy.ts'
import { Random } from '../run/random.ts'
import { defaultSettings } from '../run/settings.ts'
import { outgrown, sizesOf, type Sizes } from '../run/sizes.ts'
import type { CountingTask } from './worker.ts'

const LEASE_MS = 3000
const WORKERS = 2
const BATCH = 250

/** So many wait at most: a queue that keeps up, not a mountain that is worked off. */
const MOST_WAITING = 5_000

/** After so many jobs the sizes are taken that those at the end are held against. */
const FIRST_LOOK = 10_000
const MAY_GROW = 3

/** Between two kills, in milliseconds. */
const KILL_EVERY = [4000, 12_000] as const

/** No progress for so long means that it hangs. */
const PATIENCE_MS = 60_000

/**
 * Very many jobs through two workers, one of which is killed again and again: in the end each job has been completed exactly
 * once, and what the database holds of live jobs is no larger than after the first few. Counts and a checksum tell, instead
 * of a record of each job.
 *
 * @returns What is wrong; empty: nothing.
 */
export async function proveMillion(args: readonly string[], say: (line: string) => void): Promise<readonly string[]> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      million: { type: 'boolean' },
      jobs: { type: 'string', default: '1000000' },
      rate: { type: 'string', default: '5000' },
      seed: { type: 'string', default: '1' },
      version: { type: 'string', default: '18' },
    },
  })
  const jobs = Math.ceil(Number(values.jobs) / BATCH) * BATCH
  const [seed, perSecond] = [Number(values.seed), Number(values.rate)]
  const folder = fileURLToPath(new URL(`../../runs/million-${Date.now()}`, import.meta.url))
  mkdirSync(folder, { recursive: true })
  const version = values.version === '14' ? 14 : 18
  const settings = defaultSettings({ store: 'postgres', seed, leaseMs: LEASE_MS, version })
  // Dead rows make room for new ones only once they are vacuumed. The server looks for tables to vacuum once a minute unless told
  // otherwise, and between two looks a table grows by all that passes through it.
  Object.assign(settings.server, { autovacuum_naptime: '1s' })
  const backend = await PostgresBackend.start(settings, folder)
  try {
    return await new Million({ backend, jobs, perSecond, seed, folder, say }).run()
  } finally {
    await backend.stop()
  }
}

interface MillionOptions {
  readonly backend: PostgresBackend
  readonly jobs: number
  readonly perSecond: number
  readonly seed: number
  readonly folder: string
  readonly say: (line: string) => void
}

class Million {
  readonly #options: MillionOptions
  readonly #database: Database
  readonly #workers: ChildProcesses
  readonly #problems: string[] = []
  readonly #over = new AbortController()
  #kills = 0

  constructor(options: MillionOptions) {
    this.#options = options
    this.#database = options.backend.database
    this.#workers = new ChildProcesses({
      count: WORKERS,
      respawnMs: 300,
      onStarted: () => undefined,
      onEnded: (child, { code, signal }) => {
        if (!child.wasSignalled) this.#problems.push(`${child.name} ended by itself with ${signal ?? `code ${code}`}`)
      },
      spec: (place, boot) => this.#specOf(`w${place}-${boot}`),
    })
  }

  async run(): Promise<readonly string[]> {
    const { backend, jobs, say } = this.#options
    const startedAt = performance.now()
    const queue = backend.openQueue()
    this.#workers.start()
    const killing = this.#kill()
    try {
      // At once, so that the first look has seen as many live jobs as there will ever be.
      await this.#add(queue, 0, Math.min(FIRST_LOOK, jobs), Infinity)
      await this.#untilDone(0)
      const before = await sizesOf(this.#database)
      await this.#add(queue, Math.min(FIRST_LOOK, jobs), jobs, this.#options.perSecond)
      await this.#untilDone(0)
      this.#over.abort()
      await killing
      const after = await sizesOf(this.#database)
      this.#tell(before, after, performance.now() - startedAt)
      this.#problems.push(...outgrown(before, after, MAY_GROW))
      await this.#count(queue)
    } catch (error) {
      this.#problems.push(String(error))
    } finally {
      this.#over.abort()
      await killing
      await this.#workers.kill()
      await queue.close()
    }
    say(this.#problems.length === 0 ? 'million: GREEN' : this.#problems.map((one) => `VIOLATION ${one}`).join('\n'))
    return this.#problems
  }

  #specOf(name: string) {
    const { folder } = this.#options
    const task: CountingTask = { name, url: this.#database.url(APP_ROLE), leaseMs: LEASE_MS }
    return {
      name,
      task,
      script: fileURLToPath(new URL('worker.js', import.meta.url)),
      logFile: join(folder, `${name}.log`),
      // Nothing befalls the network here, so that nothing stands in it.
      proxy: new Proxy(this.#database.target, Math.random, endsPostgresReply),
      onAnswer: () => undefined,
    }
  }

  async #kill(): Promise<void> {
    const random = new Random(this.#options.seed)
    while (!this.#over.signal.aborted) {
      await sleep(random.integer(...KILL_EVERY), undefined, { signal: this.#over.signal }).catch(() => undefined)
      if (this.#over.signal.aborted) return
      const running = this.#workers.running()
      if (running.length === 0) continue
      random.pick(running).signal('SIGKILL')
      this.#kills++
    }
  }

  async #add(queue: JobQueue, from: number, to: number, perSecond: number): Promise<void> {
    const startedAt = performance.now()
    for (let next = from; next < to; next += BATCH) {
      const dueAt = startedAt + ((next - from) / perSecond) * 1000
      await sleep(Math.max(0, dueAt - performance.now()))
      await queue.addJobs(
        Array.from({ length: BATCH }, (_, n) => ({ jobType: 'count', payload: { n: next + n }, maxAttempts: 100 })),
      )
      if ((next / BATCH) % 20 === 19) await this.#untilDone(MOST_WAITING)
    }
  }

  /** Resolves once no more than `most` live jobs are left. */
  async #untilDone(most: number): Promise<void> {
    let least = Infinity
    for (let progressAt = performance.now(); ; await sleep(100)) {
      const [row] = await this.#database.sql(`select count(*) as n from ${SCHEMA}.jobs`)
      const left = Number(row?.['n'])
      if (left <= most) return
      if (left < least) [least, progressAt] = [left, performance.now()]
      if (performance.now() - progressAt > PATIENCE_MS) throw new Error(`${left} jobs are left, and nothing moves`)
    }
  }

  /** Every number is there once, completed. */
  async #count(queue: JobQueue): Promise<void> {
    const { jobs, say } = this.#options
    const [row] = await this.#database.sql(
      `select count(*) as completed,
         count(distinct (payload ->> 'n')::bigint) as numbers, sum((payload ->> 'n')::bigint) as checksum,
         sum(attempts) - count(*) as more
       from ${SCHEMA}.finished_jobs`,
    )
    const [failed] = await this.#database.sql(`select count(*) as n from ${SCHEMA}.failed_jobs`)
    const expected = { completed: jobs, numbers: jobs, checksum: (jobs * (jobs - 1)) / 2 }
    for (const [name, value] of Object.entries(expected)) {
      const found = Number(row?.[name])
      if (found !== value) this.#problems.push(`${name}: ${found} instead of ${value}`)
    }
    if (Number(failed?.['n']) !== 0) this.#problems.push(`${String(failed?.['n'])} jobs failed`)
    for (const { invariant, detail } of await queue.checkInvariants()) {
      this.#problems.push(`impossible: ${invariant}: ${detail}`)
    }
    if (this.#kills === 0) this.#problems.push('nothing was killed')
    if (this.#kills >= 10 && Number(row?.['more']) === 0) this.#problems.push('no kill found a job running')
    say(`  completed ${String(row?.['completed'])}, attempts lost to kills ${String(row?.['more'])}`)
  }

  #tell(before: Sizes, after: Sizes, tookMs: number): void {
    const { jobs, say } = this.#options
    const mb = (bytes: number): string => `${(bytes / 1_048_576).toFixed(1)} MB`
    say(`million: ${jobs} jobs, ${this.#kills} kills, ${Math.round(tookMs / 1000)} s`)
    say(`  live tables ${mb(before.liveTables)} after ${FIRST_LOOK}, ${mb(after.liveTables)} at the end`)
    say(`  live indexes ${mb(before.liveIndexes)} after ${FIRST_LOOK}, ${mb(after.liveIndexes)} at the end`)
    say(`  history ${mb(before.history)}, ${mb(after.history)}: ${Math.round(after.history / jobs)} bytes a job`)
  }
}
