import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { initJobQueue, type JobQueue } from 'millrace'
import { expect, test } from 'vitest'
import { startProgram, temporaryFolder, until } from './members.ts'

/** At length: MILLRACE_KILLS=50 npm test -- packages/pglite/test/takeover */
const KILLS = Number(process.env['MILLRACE_KILLS'] ?? 8)
const PROCESSES = 3
/** What docs/guides/embedded.md says of the default: how long a statement waits for a new owner. */
const TAKE_OVER_MS = 30_000

/** What `programs/jobs.mjs` tells: one of the four, with its details. */
interface Message {
  readonly added?: string
  readonly askedAt?: number
  readonly ran?: string
  readonly pid?: number
  readonly refused?: string
  readonly code?: string
  readonly done?: string
}

/** Processes that add jobs and work on them, and what they told. */
class Herd {
  readonly added: { readonly ref: string; readonly askedAt: number; readonly answeredAt: number }[] = []
  readonly runs = new Map<string, number[]>()
  readonly refusals = new Map<string, number>()
  readonly killed = new Set<number>()
  readonly #dataDir: string
  readonly #done: string[] = []
  #children: ChildProcess[] = []

  constructor(dataDir: string) {
    this.#dataDir = dataDir
  }

  async grow(): Promise<void> {
    const { child } = await startProgram('jobs.mjs', this.#dataDir)
    child.on('message', (message: Message) => this.#hear(message))
    this.#children.push(child)
  }

  /** Kills the owner as the lock names it; resolves with when that was. */
  async killOwner(): Promise<number> {
    let owner: ChildProcess | undefined
    await until(() => {
      const pid = ownerOf(this.#dataDir)
      owner = this.#children.find((child) => child.pid === pid)
      return owner !== undefined
    }, TAKE_OVER_MS)
    const exited = owner === undefined ? undefined : once(owner, 'exit')
    const killedAt = Date.now()
    owner?.kill('SIGKILL')
    await exited
    this.killed.add(owner?.pid ?? 0)
    this.#children = this.#children.filter((child) => child !== owner)
    return killedAt
  }

  async tell(order: 'stop' | 'leave'): Promise<void> {
    for (const child of this.#children) child.send(order)
    await until(() => this.#done.filter((done) => done === order).length === this.#children.length, 60_000)
  }

  #hear({ added, askedAt = 0, ran, pid = 0, refused, code = 'none', done }: Message): void {
    if (added !== undefined) this.added.push({ ref: added, askedAt, answeredAt: Date.now() })
    if (ran !== undefined) this.runs.set(ran, [...(this.runs.get(ran) ?? []), pid])
    if (refused !== undefined) this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1)
    if (done !== undefined) this.#done.push(done)
  }
}

/** The process that the newest lock names. */
function ownerOf(dataDir: string): number | undefined {
  const generations = readdirSync(dataDir).flatMap((name) => /^lock\.(\d+)$/.exec(name)?.[1] ?? [])
  const newest = Math.max(0, ...generations.map(Number))
  try {
    return JSON.parse(readFileSync(join(dataDir, `lock.${newest}`), 'utf8')).pid
  } catch {
    // Replaced since.
    return undefined
  }
}

async function statuses(queue: JobQueue): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (let cursor: number | undefined; ;) {
    const jobs = await queue.getJobs(cursor === undefined ? {} : { cursor }, 1000)
    for (const { payload, status } of jobs) found.set((payload as { ref: string }).ref, status)
    cursor = jobs.at(-1)?.id
    if (cursor === undefined) return found
  }
}

test(
  `${KILLS} owners are killed in the middle of work: no job is lost, and none runs again that a killed process had not begun`,
  { timeout: 150_000 + KILLS * 20_000 },
  async () => {
    const dataDir = temporaryFolder()
    const herd = new Herd(dataDir)
    await Promise.all(Array.from({ length: PROCESSES }, () => herd.grow()))
    const waits: number[] = []
    for (let round = 0; round < KILLS; round += 1) {
      const enough = herd.added.length + 20 + ((round * 37) % 100)
      await until(() => herd.added.length >= enough, 60_000)
      const killedAt = await herd.killOwner()
      const isAfter = ({ askedAt }: { readonly askedAt: number }): boolean => askedAt >= killedAt
      const growing = herd.grow()
      await until(() => herd.added.some(isAfter), TAKE_OVER_MS)
      waits.push((herd.added.find(isAfter)?.answeredAt ?? Infinity) - killedAt)
      await growing
    }
    await herd.tell('stop')
    const queue = initJobQueue({ backend: 'pglite', dataDir })
    try {
      const added = herd.added.map(({ ref }) => ref)
      await until(async () => [...(await statuses(queue)).values()].every((status) => status === 'completed'), 90_000)
      await herd.tell('leave')
      const found = await statuses(queue)
      expect(added.filter((ref) => found.get(ref) !== 'completed')).toEqual([])
      expect(await queue.checkInvariants()).toEqual([])
      const withoutCause = [...herd.runs].filter(([, pids]) => pids.slice(0, -1).some((pid) => !herd.killed.has(pid)))
      expect(withoutCause).toEqual([])
      expect([...herd.refusals.keys()].filter((code) => code !== 'STORE_UNAVAILABLE')).toEqual([])
      waits.sort((a, b) => a - b)
      process.stderr.write(
        `${added.length} jobs, ${KILLS} kills: answered again after ${waits[waits.length >> 1]} ms (median), ${waits.at(-1)} ms at most\n`,
      )
    } finally {
      await queue.close()
    }
  },
)
