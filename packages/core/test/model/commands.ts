import { deepStrictEqual, ok } from 'node:assert/strict'
import fc from 'fast-check'
import type { ModelNewJob } from './job.ts'
import type { ModelEdit, ModelQueue } from './queue.ts'
import { anyOne, pickHandle, pickJob, pickWorker, seldom, step, type Command } from './step.ts'
import type { NewJob } from '../../src/store/enqueue.ts'
import { claimCommand } from './claim-command.ts'
import { settleCommand } from './settle-command.ts'

const HOUR_MS = 3_600_000

const newJobs: fc.Arbitrary<readonly ModelNewJob[]> = fc.array(
  fc.record(
    {
      priority: fc.constantFrom(0, 5, -1),
      group: fc.constantFrom('a', 'b'),
      key: fc.constantFrom('k1', 'k2', 'k3'),
      delayHours: fc.constantFrom(0, 1, 3),
      maxAttempts: fc.constantFrom(3, 1, 2, 9),
      deadLetterJobType: fc.constantFrom('dead', 'work'),
    },
    { requiredKeys: [] },
  ),
  { minLength: 1, maxLength: 4 },
)

const add: fc.Arbitrary<Command> = newJobs.map((jobs) =>
  step(`add ${JSON.stringify(jobs)}`, async (model, { target }) => {
    const { ids, created } = await target.store.enqueue({ jobs: jobs.map(storeJob) })
    deepStrictEqual(ids.length, jobs.length)
    for (const [at, job] of jobs.entries()) {
      const id = ids[at] ?? 0
      const holder = model.holder(job.key)
      deepStrictEqual(created === 'all' || created.has(at), holder === undefined, `whether job ${at} is new`)
      if (holder !== undefined) deepStrictEqual(id, holder, 'a key in use gives the id of its job')
      else {
        ok(!model.jobs.has(id), `id ${id} is new`)
        model.add(id, job)
      }
    }
    model.lastDrawn = Math.max(model.lastDrawn, ...ids)
  }),
)

function storeJob(job: ModelNewJob): NewJob {
  const { group, key, delayHours, ...same } = job
  return {
    jobType: 'work',
    payload: '{}',
    ...same,
    ...(group === undefined ? {} : { groupId: group }),
    ...(key === undefined ? {} : { idempotencyKey: key }),
    ...(delayHours === undefined ? {} : { runAt: new Date(Date.now() + delayHours * HOUR_MS) }),
  }
}

const register: fc.Arbitrary<Command> = fc.constantFrom(null, 1, 2, 3).map((groupConcurrency) =>
  step(
    `register, at most ${groupConcurrency} of a group`,
    async (model, { bench, workers }) => {
      const limit = groupConcurrency === null ? {} : { groupConcurrency }
      const id = await bench.worker({ leaseMs: 1.5 * HOUR_MS, ...limit })
      ok(!workers.includes(id), 'the number of a worker is new')
      workers.push(id)
      model.register(id, 1.5, groupConcurrency)
    },
    (model) => model.workers.size < 4,
  ),
)

const hasWorker = (model: Pick<ModelQueue, 'workers'>): boolean => model.workers.size > 0

const unregister: fc.Arbitrary<Command> = anyOne.map((n) =>
  step(
    `unregister worker ${n}`,
    async (model, real) => {
      const worker = pickWorker(model, real, { n, isGone: false })
      await real.target.store.unregister({ worker })
      model.unregister(worker)
    },
    hasWorker,
  ),
)

const heartbeat: fc.Arbitrary<Command> = fc.tuple(anyOne, seldom).map(([n, isGone]) =>
  step(
    `heartbeat of worker ${n}${isGone ? ', perhaps gone' : ''}`,
    async (model, real) => {
      const worker = pickWorker(model, real, { n, isGone })
      const isAlive = await real.target.store.heartbeat({ worker, leaseMs: 1.5 * HOUR_MS })
      deepStrictEqual(isAlive, model.heartbeat(worker))
    },
    hasWorker,
  ),
)

const expire: fc.Arbitrary<Command> = anyOne.map((n) =>
  step(
    `worker ${n} falls silent`,
    async (model, real) => {
      const id = pickWorker(model, real, { n, isGone: false })
      await real.target.expireWorker(id)
      const worker = model.workers.get(id)
      if (worker) worker.expiresAt = model.now - 0.001
    },
    hasWorker,
  ),
)

const report: fc.Arbitrary<Command> = fc.tuple(anyOne, seldom, fc.nat({ max: 100 })).map(([n, isStale, progress]) =>
  step(`report ${progress} of ${isStale ? 'any' : 'running'} attempt ${n}`, async (model, { target }) => {
    const handle = pickHandle(model, { n, isStale })
    if (handle === undefined) return
    const news = { id: handle.id, token: handle.token, progress, output: `"at ${progress}"` }
    deepStrictEqual(await target.store.report({ reports: [news] }), [model.report(news)])
  }),
)

const cancel: fc.Arbitrary<Command> = anyOne.map((n) =>
  step(`cancel job ${n}`, async (model, { target }) => {
    const id = pickJob(model, n)
    deepStrictEqual(await target.store.cancel({ id }), model.cancel(id))
  }),
)

const retry: fc.Arbitrary<Command> = anyOne.map((n) =>
  step(`retry job ${n}`, async (model, { target }) => {
    const id = pickJob(model, n)
    deepStrictEqual(await target.store.retry({ id }), model.retry(id))
  }),
)

const edits: fc.Arbitrary<ModelEdit> = fc.record(
  {
    priority: fc.constantFrom(0, 5, 9),
    delayHours: fc.constantFrom(0, 1),
    maxAttempts: fc.constantFrom(1, 2, 5),
    deadLetterJobType: fc.constant('dead'),
  },
  { requiredKeys: [] },
)

const edit: fc.Arbitrary<Command> = fc.tuple(anyOne, edits).map(([n, changes]) =>
  step(`edit job ${n}: ${JSON.stringify(changes)}`, async (model, { target }) => {
    const id = pickJob(model, n)
    const { delayHours, ...same } = changes
    const runAt = delayHours === undefined ? {} : { runAt: new Date(Date.now() + delayHours * HOUR_MS) }
    deepStrictEqual(await target.store.edit({ id, changes: { ...same, ...runAt } }), model.edit(id, changes))
  }),
)

/** Neither running, nor between two attempts, nor over. */
function upcoming(model: ModelQueue, jobType: string): number[] {
  return model
    .live()
    .filter((job) => job.place !== 'running' && !job.isRetry && job.jobType === jobType)
    .map(({ id }) => id)
}

const cancelMany: fc.Arbitrary<Command> = fc.constantFrom('work', 'dead').map((jobType) =>
  step(`cancel all upcoming ${jobType}`, async (model, { target }) => {
    const ids = upcoming(model, jobType)
    deepStrictEqual(new Set(await target.store.cancelMany({ filter: { jobType } })), new Set(ids))
    for (const id of ids) model.cancel(id)
  }),
)

const editMany: fc.Arbitrary<Command> = fc.constantFrom(0, 7).map((priority) =>
  step(`edit all upcoming work to priority ${priority}`, async (model, { target }) => {
    const ids = upcoming(model, 'work')
    deepStrictEqual(await target.store.editMany({ filter: { jobType: 'work' }, changes: { priority } }), ids.length)
    for (const id of ids) model.edit(id, { priority })
  }),
)

const redrive: fc.Arbitrary<Command> = fc.constantFrom(1, 2, 100).map((limit) =>
  step(`redrive ${limit}`, async (model, { target }) => {
    const ids = await target.store.redrive({ filter: {}, limit })
    deepStrictEqual(new Set(ids), new Set(model.redrive(limit)))
  }),
)

const housekeeping: fc.Arbitrary<Command> = fc.tuple(anyOne, seldom).map(([n, isGone]) =>
  step(
    `housekeeping by worker ${n}${isGone ? ', perhaps gone' : ''}`,
    async (model, real) => {
      const worker = pickWorker(model, real, { n, isGone })
      const { rescued, promoted, alive, nextDueMs, cancelRequests } = await real.bench.keepHouse(worker)
      deepStrictEqual([rescued, promoted], [model.rescue(), model.promote()], 'how many were rescued, and promoted')
      deepStrictEqual(alive, model.workers.has(worker), 'whether it is alive')
      deepStrictEqual(
        nextDueMs !== null,
        model.live().some(({ place }) => place === 'timed'),
        'whether any job is timed',
      )
      const asked = model.running(worker).filter((job) => job.isCancelRequested)
      const told = cancelRequests.filter((request) => model.current(request))
      deepStrictEqual(new Set(told.map(({ id }) => id)), new Set(asked.map(({ id }) => id)), 'who is asked to stop')
    },
    hasWorker,
  ),
)

const passTime: fc.Arbitrary<Command> = fc.constantFrom(1, 2, 30).map((hours) =>
  step(`${hours} hours pass`, async (model, { target }) => {
    await target.passHours(hours)
    model.now += hours
  }),
)

const ENDS = ['completed', 'failed', 'cancelled'] as const

const cleanUp: fc.Arbitrary<Command> = fc
  .tuple(fc.constantFrom(...ENDS), fc.constantFrom(1, 2))
  .map(([status, daysToKeep]) =>
    step(`clean up what is ${status} after ${daysToKeep} days`, async (model, { target }) => {
      const count = await target.store.cleanupJobs({ status, daysToKeep, batch: 2 })
      deepStrictEqual(count, model.cleanUp(status, daysToKeep))
    }),
  )

const upkeep: fc.Arbitrary<Command> = fc.constant(
  step('upkeep', async (_model, { target }) => {
    await target.store.upkeep()
  }),
)

/** All that can happen, the usual more often than the rest. */
export const commands: fc.Arbitrary<Iterable<Command>> = fc.commands(
  [
    fc.oneof(
      { arbitrary: add, weight: 8 },
      { arbitrary: claimCommand, weight: 12 },
      { arbitrary: settleCommand, weight: 10 },
      { arbitrary: register, weight: 4 },
      { arbitrary: housekeeping, weight: 4 },
      { arbitrary: passTime, weight: 3 },
      { arbitrary: cancel, weight: 3 },
      { arbitrary: retry, weight: 3 },
      { arbitrary: edit, weight: 3 },
      { arbitrary: report, weight: 2 },
      { arbitrary: expire, weight: 2 },
      { arbitrary: fc.oneof(unregister, heartbeat, cancelMany, editMany, redrive, cleanUp, upkeep), weight: 6 },
    ),
  ],
  { maxCommands: 60, size: 'max' },
)
