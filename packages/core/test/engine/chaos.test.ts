import { describe, expect, test } from 'vitest'
import { Bench, cancelled, completed, failed, released, retry, snoozed } from '../../src/conformance/bench.ts'
import type { ClaimedJob } from '../../src/store/claim.ts'
import type { NewJob } from '../../src/store/enqueue.ts'
import { SERVER_URL } from '../support/lab.ts'
import { openPostgresTarget } from '../support/postgres-target.ts'
import { randomFrom } from '../support/random.ts'

/** A longer run finds more: MILLRACE_TEST_CHAOS_STEPS=20000. */
const STEPS = Number(process.env['MILLRACE_TEST_CHAOS_STEPS'] ?? 1500)
const SEED = Number(process.env['MILLRACE_TEST_CHAOS_SEED'] ?? Math.floor(Math.random() * 1e9))

/** One session that does anything a client can do, at random, and remembers what it must not see twice. */
class Client {
  readonly #t: Bench
  readonly #random: () => number
  readonly #ids: number[]
  readonly #stale: ClaimedJob[] = []
  #held: ClaimedJob[] = []
  #worker = 0

  constructor(t: Bench, random: () => number, ids: number[]) {
    this.#t = t
    this.#random = random
    this.#ids = ids
  }

  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps; step++) await this.#step()
  }

  #pick<T>(items: readonly T[]): T | undefined {
    return items[Math.floor(this.#random() * items.length)]
  }

  async #step(): Promise<unknown> {
    if (this.#worker === 0) return this.#register()
    const actions = this.#actions(this.#pick(this.#ids) ?? 1)
    let dice = this.#random() * actions.reduce((sum, [weight]) => sum + weight, 0)
    const [, act] = actions.find(([weight]) => (dice -= weight) < 0) ?? [0, () => this.#add()]
    return act()
  }

  /** Everything a client can do, each with how often it does it. */
  #actions(id: number): readonly (readonly [number, () => Promise<unknown>])[] {
    const { store, target } = this.#t
    const recent = { ids: this.#ids.slice(-20) }
    return [
      [18, () => this.#add()],
      [32, () => this.#exchange()],
      [20, () => this.#settle()],
      [4, () => this.#settleStale()],
      [3, () => store.report({ reports: this.#held.slice(0, 1).map((job) => ({ ...job, progress: 50 })) })],
      [4, () => store.cancel({ id })],
      [5, () => store.retry({ id })],
      [3, () => store.edit({ id, changes: this.#changes() })],
      [1, () => store.redrive({ filter: { final: true }, limit: 5 })],
      [1, () => store.cancelMany({ filter: { groupId: 'g1', ...recent } })],
      [1, () => store.editMany({ filter: recent, changes: this.#changes() })],
      [2, () => target.expireWorker(this.#worker)],
      [2, () => this.#unregister()],
      [1, () => store.upkeep()],
      [1, () => store.reclaimStuck({ minutes: 0 })],
      [1, () => store.cleanupJobs({ daysToKeep: 0, batch: 10 })],
      [1, () => store.stats()],
    ]
  }

  async #register(): Promise<void> {
    const groupConcurrency = this.#pick([1, 2, 5, undefined])
    this.#worker = await this.#t.worker(groupConcurrency === undefined ? {} : { groupConcurrency })
  }

  async #unregister(): Promise<void> {
    const { store } = this.#t
    await store.unregister({ worker: this.#worker })
    this.#lose()
  }

  #lose(): void {
    this.#stale.push(...this.#held)
    this.#held = []
    this.#worker = 0
  }

  async #add(): Promise<void> {
    const count = 1 + Math.floor(this.#random() * 4)
    const jobs = Array.from({ length: count }, (): Partial<NewJob> => {
      const key = `k${Math.floor(this.#random() * 30)}`
      const groupId = `g${Math.floor(this.#random() * 3)}`
      return {
        maxAttempts: 1 + Math.floor(this.#random() * 4),
        priority: Math.floor(this.#random() * 3),
        ...(this.#random() < 0.3 && { idempotencyKey: key }),
        ...(this.#random() < 0.6 && { groupId }),
        ...(this.#random() < 0.2 && { runAt: new Date(Date.now() + 20) }),
        ...(this.#random() < 0.2 && { deadLetterJobType: 'dead' }),
      }
    })
    this.#ids.push(...(await this.#t.addAll(jobs)))
  }

  async #exchange(): Promise<void> {
    const settled = this.#random() < 0.5 ? this.#held.splice(0, 2) : []
    const answer = await this.#t.exchange(this.#worker, {
      limit: Math.floor(this.#random() * 5),
      slots: Math.floor(this.#random() * 5),
      settlements: settled.map((job) => completed(job)),
      housekeeping: this.#random() < 0.4,
      keepCompleted: this.#random() < 0.8,
      ...(this.#random() < 0.3 && { heartbeatMs: 60_000 }),
      ...(this.#random() < 0.3 && { sleeping: this.#random() < 0.5 }),
    })
    this.#stale.push(...settled)
    this.#held.push(...answer.jobs)
    if (!answer.alive) this.#lose()
  }

  async #settle(): Promise<void> {
    const jobs = this.#held.splice(0, 1 + Math.floor(this.#random() * 4))
    const kinds = [
      completed,
      retry,
      failed,
      snoozed,
      released,
      cancelled,
      (job: ClaimedJob) => completed(job, '{"a":1}'),
    ]
    await this.#t.store.settle({
      settlements: jobs.map((job) => (this.#pick(kinds) ?? completed)(job)),
      keepCompleted: this.#random() < 0.8,
    })
    this.#stale.push(...jobs)
  }

  /** Late and repeated settlements of attempts that are over. */
  async #settleStale(): Promise<void> {
    const job = this.#pick(this.#stale)
    const kinds = [completed, retry, failed, snoozed, released, cancelled]
    if (job !== undefined) await this.#t.settle((this.#pick(kinds) ?? completed)(job))
  }

  #changes(): { priority?: number; runAt?: Date | null; maxAttempts?: number } {
    const dice = this.#random()
    if (dice < 0.3) return { priority: Math.floor(this.#random() * 3) }
    if (dice < 0.6) return { runAt: dice < 0.45 ? null : new Date(Date.now() + 20) }
    return { maxAttempts: 1 + Math.floor(this.#random() * 3) }
  }
}

describe.skipIf(SERVER_URL === undefined)('chaos', () => {
  test(
    `whatever eight clients do at once, nothing impossible is stored and every job can still end (seed ${SEED})`,
    { timeout: 300_000 },
    async () => {
      const target = await openPostgresTarget(SERVER_URL ?? '', 'chaos')
      try {
        const t = new Bench(target)
        const ids: number[] = []
        const clients = Array.from({ length: 8 }, (_, n) => new Client(t, randomFrom(SEED + n), ids))
        for (let round = 0; round < 5; round++) {
          await Promise.all(clients.map((client) => client.run(Math.ceil(STEPS / 40))))
          expect(await t.store.checkInvariants()).toEqual([])
        }
        // Everybody leaves; one worker without limits finishes what is left.
        for (const { workerId } of await t.store.listWorkers()) expect(workerId).toBe('bench')
        await target.expireAll()
        const worker = await t.worker()
        for (let idle = 0; idle < 3;) {
          const { jobs } = await t.exchange(worker, { limit: 500, housekeeping: true })
          await t.settle(...jobs.map((job) => completed(job)))
          const { nextDueMs } = await t.keepHouse(worker)
          idle = jobs.length === 0 && nextDueMs === null ? idle + 1 : 0
        }
        const { byStatus, ready, timed, groupWaiting } = await t.store.stats()
        expect([byStatus.pending, byStatus.processing, byStatus.waiting, ready, timed, groupWaiting]).toEqual([
          0, 0, 0, 0, 0, 0,
        ])
        expect((await t.store.listJobs({ final: false, limit: 10 })).length).toBe(0)
        await t.store.upkeep()
        expect(await t.store.checkInvariants()).toEqual([])
      } finally {
        await target.close()
      }
    },
  )
})
