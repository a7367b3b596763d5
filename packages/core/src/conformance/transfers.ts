import type { PortableJob } from '../model/portable.ts'
import { check, equal } from './assert.ts'
import { type Bench, completed, failed, retry } from './bench.ts'
import type { ConformanceCase } from './case.ts'

const SOURCE = '00000000-0000-4000-8000-000000000001'

function portable(job: Partial<PortableJob> & { readonly id: number }): PortableJob {
  return {
    jobType: 'work',
    payload: '{}',
    state: 'ready',
    place: job.id,
    priority: 0,
    attempts: 0,
    maxAttempts: 3,
    createdAt: 1_700_000_000_000,
    runAt: 1_700_000_000_000,
    ...job,
  }
}

/** Imports jobs of a source whose ids are `jobs[…].id`; the ids that they have here. */
async function take(t: Bench, jobs: readonly PortableJob[], source = SOURCE): Promise<readonly number[]> {
  const [first, last] = [jobs[0]?.id ?? 0, Math.max(...jobs.map(({ id, place }) => Math.max(id, place)))]
  const ranges = await t.store.beginImport({ source, firstId: first, lastId: last })
  const here = (id: number): number => id + (ranges.find(({ from, to }) => id >= from && id <= to)?.shift ?? 0)
  await t.store.importJobs({
    source,
    sourceIds: jobs.map(({ id }) => id),
    jobs: jobs.map((job) => ({
      ...job,
      id: here(job.id),
      place: here(job.place),
      ...(job.waitsFor && { waitsFor: job.waitsFor.map(here) }),
      ...(job.dependsOnJobIds && { dependsOnJobIds: job.dependsOnJobIds.map(here) }),
    })),
  })
  await t.store.endImport({ ranges })
  return jobs.map(({ id }) => here(id))
}

async function exported(t: Bench, part: 'live' | 'awaited' | 'ended'): Promise<readonly PortableJob[]> {
  const { lastId } = await t.store.exportHead()
  return t.store.exportJobs({ part, after: 0, upTo: lastId, limit: 1000 })
}

const exports: readonly ConformanceCase[] = [
  {
    name: 'an export tells each job that waits in the state it is in, and none that runs',
    async run(t) {
      const worker = await t.worker({ groupConcurrency: 1 })
      const ready = await t.add({ priority: 7, tags: ['a'], idempotencyKey: 'k' })
      const running = await t.start(worker, { priority: 99 })
      const timed = await t.add({ runAt: new Date((await t.store.storeTime()).getTime() + 3_600_000) })
      const [first, second] = await t.addAll([{ groupId: 'g' }, { groupId: 'g' }])
      const blocked = await t.add({ dependsOn: { jobIds: [ready] } })
      await t.exchange(worker, { groups: true, limit: 1, jobTypes: ['none'] })
      const jobs = await exported(t, 'live')
      equal(
        jobs.map(({ id, state, holdsPlace }) => [id, state, holdsPlace]),
        [
          [ready, 'ready', undefined],
          [timed, 'timed', undefined],
          [first, 'ready', true],
          [second, 'group', undefined],
          [blocked, 'dependencies', undefined],
        ],
      )
      const [whole] = jobs
      equal([whole?.priority, whole?.tags, whole?.idempotencyKey, whole?.holdsKey], [7, ['a'], 'k', true])
      equal(jobs.at(-1)?.waitsFor, [ready])
      const head = await t.store.exportHead()
      equal([head.running, head.firstId], [1, ready])
      equal(await t.store.countLive({ upTo: head.lastId }), 6)
      await t.settle(completed(running))
    },
  },
  {
    name: 'an export tells ended jobs apart, and those that somebody still waits for',
    async run(t) {
      const worker = await t.worker()
      const done = await t.finish(worker, (job) => completed(job))
      const lost = await t.finish(worker, (job) => failed(job))
      const waiter = await t.add({ dependsOn: { jobIds: [lost.id], onFailure: 'wait' } })
      await t.keepHouse(worker)
      const states = async (part: 'live' | 'awaited' | 'ended'): Promise<unknown> =>
        (await exported(t, part)).map(({ id, state }) => [id, state])
      equal(await states('live'), [[waiter, 'dependencies']])
      equal(await states('awaited'), [[lost.id, 'failed']])
      equal(await states('ended'), [
        [done.id, 'completed'],
        [lost.id, 'failed'],
      ])
    },
  },
  {
    name: 'the name of an instance stays',
    async run(t) {
      const { instance } = await t.store.exportHead()
      check(instance.length > 20, 'it is drawn at random')
      equal((await t.store.exportHead()).instance, instance)
    },
  },
]

const imports: readonly ConformanceCase[] = [
  {
    name: 'imported jobs run in the order they had, and none comes twice',
    async run(t) {
      const worker = await t.worker()
      const jobs = [
        portable({ id: 5, place: 12 }),
        portable({ id: 6 }),
        portable({ id: 7, priority: 3 }),
        portable({ id: 9, place: 11 }),
      ]
      const [a, b, c, d] = await take(t, jobs)
      await take(t, jobs)
      equal(await t.claimIds(worker), [c, b, d, a])
      const again = await t.store.importJobs({ source: SOURCE, sourceIds: [5, 6, 7, 9], jobs })
      equal([again.imported, again.keysTaken], [0, 0])
      const own = await t.add()
      check(own > (a ?? 0), 'ids go on above those that were set aside')
    },
  },
  {
    name: 'what was imported and has ended since does not come again, kept or not',
    async run(t) {
      const worker = await t.worker()
      const jobs = [portable({ id: 5 })]
      await take(t, jobs)
      const job = await t.claimOne(worker)
      await t.store.settle({ settlements: [completed(job)], keepCompleted: false })
      await take(t, jobs)
      equal(await t.claimIds(worker), [])
    },
  },
  {
    name: 'what a source adds after an export comes with the next, and two sources are apart',
    async run(t) {
      const worker = await t.worker()
      const other = '00000000-0000-4000-8000-000000000002'
      const first = await take(t, [portable({ id: 5 })])
      const second = await take(t, [portable({ id: 5 }), portable({ id: 8 })])
      const third = await take(t, [portable({ id: 5 })], other)
      equal(first[0], second[0])
      const claimed = await t.claimIds(worker)
      equal(claimed, [first[0], second[1], third[0]])
      equal(new Set(claimed).size, 3)
    },
  },
  {
    name: 'imported jobs wait for those they waited for, whatever the order they come in',
    async run(t) {
      const worker = await t.worker()
      const [waiter, first] = await take(t, [
        portable({ id: 5, state: 'dependencies', dependsOnJobIds: [8], waitsFor: [8] }),
        portable({ id: 8 }),
      ])
      equal((await t.store.listDependencies({ id: waiter ?? 0 }))?.length, 1)
      const job = await t.claimOne(worker)
      equal(job.id, first)
      equal(await t.claimIds(worker), [])
      await t.settle(completed(job))
      await t.keepHouse(worker)
      equal(await t.claimIds(worker), [waiter])
    },
  },
  {
    name: 'a prerequisite that never came holds nobody up',
    async run(t) {
      const worker = await t.worker()
      const [waiter] = await take(t, [portable({ id: 5, state: 'dependencies', dependsOnJobIds: [4], waitsFor: [4] })])
      await t.keepHouse(worker)
      equal(await t.claimIds(worker), [waiter])
    },
  },
  {
    name: 'an imported barrier opens when no other job has its tags',
    async run(t) {
      const worker = await t.worker()
      const [closer, barrier] = await take(t, [
        portable({ id: 5, tags: ['a'] }),
        portable({ id: 6, state: 'dependencies', dependsOnTags: ['a'], hasBarrier: true }),
      ])
      await t.keepHouse(worker)
      const job = await t.claimOne(worker)
      equal(job.id, closer)
      equal(await t.claimIds(worker), [])
      await t.settle(completed(job))
      await t.keepHouse(worker)
      equal(await t.claimIds(worker), [barrier])
    },
  },
  {
    name: 'imported jobs keep the places they had in their groups, up to the limit that holds here',
    async run(t) {
      const worker = await t.worker({ groupConcurrency: 1 })
      const own = await t.start(worker, { queue: 'busy' })
      const [head, , rival] = await take(t, [
        portable({ id: 5, queue: 'q', holdsPlace: true }),
        portable({ id: 6, queue: 'q', state: 'group', priority: 9 }),
        portable({ id: 7, queue: 'busy', holdsPlace: true }),
      ])
      equal(await t.claimIds(worker), [head])
      await t.settle(completed(own))
      equal(await t.claimIds(worker), [rival])
    },
  },
  {
    name: 'an imported key finds its job, and one that is taken stays with who has it',
    async run(t) {
      const own = await t.add({ idempotencyKey: 'mine' })
      const { lastId } = await t.store.exportHead()
      const ranges = await t.store.beginImport({ source: SOURCE, firstId: 5, lastId: 6 })
      const shift = ranges[0]?.shift ?? 0
      check(5 + shift > lastId, 'ids are not those of somebody else')
      const result = await t.store.importJobs({
        source: SOURCE,
        sourceIds: [5, 6],
        jobs: [
          portable({ id: 5 + shift, idempotencyKey: 'mine', holdsKey: true }),
          portable({ id: 6 + shift, idempotencyKey: 'theirs', holdsKey: true }),
        ],
      })
      equal([result.imported, result.keysTaken], [2, 1])
      equal(await t.addAll([{ idempotencyKey: 'mine' }, { idempotencyKey: 'theirs' }]), [own, 6 + shift])
    },
  },
  {
    name: 'a key goes from one instance to another with its scope and its window',
    async run(t) {
      const windowed = { idempotencyKey: 'k', keyScope: 'type', keyWindowMs: 3_600_000 } as const
      const own = await t.add({ ...windowed, jobType: 'there' })
      const [job] = await exported(t, 'live')
      equal([job?.holdsKey, job?.keyScope, (job?.keyUntil ?? 0) > Date.now()], [true, 'type', true])
      const [id = 0] = await take(t, [
        portable({ ...job, id: 5, place: 5, jobType: 'here', state: 'ready', holdsKey: true }),
      ])
      equal(
        await t.addAll([
          { ...windowed, jobType: 'here' },
          { ...windowed, jobType: 'there' },
        ]),
        [id, own],
      )
      check((await t.add({ idempotencyKey: 'k', jobType: 'here' })) !== id, 'another scope')
      const [claimed] = await t.claim(await t.worker(), 1, { jobTypes: ['here'] })
      equal(claimed?.id, id)
      await t.store.settle({ settlements: claimed ? [completed(claimed)] : [], keepCompleted: false })
      equal(await t.add({ ...windowed, jobType: 'here' }), id)
    },
  },
  {
    name: 'an imported job that waits for a token goes on when it is completed, and remembers its steps in their order',
    needs: ['steps'],
    async run(t) {
      const worker = await t.worker()
      const step = { attempt: 1, tries: 1, rich: false, timedOut: false, startedAt: 1_700_000_000_000 }
      const [id = 0] = await take(t, [
        portable({
          id: 5,
          state: 'waiting',
          waitUntil: 1_700_000_000_000,
          waitTokenId: 'token-1',
          startedAt: 1_700_000_000_000,
          steps: [
            { ...step, key: 's:b', kind: 's', status: 'd', order: 1, endedOrder: 3, endedAt: 1, result: '"b"' },
            { ...step, key: 's:a', kind: 's', status: 'd', order: 2, endedOrder: 2, endedAt: 1, result: '"a"' },
            { ...step, key: 'p:1', kind: 'w', status: 'p', order: 4, awaited: 'token-1' },
          ],
          tokens: [{ id: 'token-1', status: 'w', rich: false, createdAt: 1_700_000_000_000 }],
        }),
      ])
      equal(await t.claimIds(worker), [])
      equal(await t.store.completeToken({ tokenId: 'token-1', output: { text: '42', codec: 'json' } }), 'changed')
      const job = await t.claimOne(worker)
      equal(job.id, id)
      const steps = await t.store.loadSteps(job)
      check(steps !== 'lost', 'the lease holds')
      equal(
        steps.map(({ key, status, result }) => [key, status, result?.text]),
        [
          ['s:a', 'done', '"a"'],
          ['s:b', 'done', '"b"'],
          ['p:1', 'done', '42'],
        ],
      )
    },
  },
  {
    name: 'an imported job between two attempts is retried when it is due, with the attempts it had',
    async run(t) {
      const worker = await t.worker()
      const soon = (await t.store.storeTime()).getTime() + 300
      const [id = 0] = await take(t, [
        portable({ id: 5, state: 'timed', attempts: 1, dueAt: soon, nextAttemptAt: soon, lastFailedAt: soon - 1000 }),
      ])
      equal((await t.job(id)).status, 'failed')
      await t.pass(320)
      await t.keepHouse(worker)
      const job = await t.claimOne(worker)
      equal([job.id, job.attempt], [id, 2])
      await t.settle(retry(job))
    },
  },
  {
    name: 'tokens and schedules that are there already are left alone',
    needs: ['steps'],
    async run(t) {
      const token = { id: 'token-2', status: 'w', rich: false, createdAt: 1_700_000_000_000, tags: ['a'] }
      equal(await t.store.importTokens({ tokens: [token] }), 1)
      await t.store.completeToken({ tokenId: 'token-2', output: { text: '1', codec: 'json' } })
      equal(await t.store.importTokens({ tokens: [token] }), 0)
      equal((await t.store.getToken({ tokenId: 'token-2' }))?.status, 'completed')
      equal(
        (await t.store.exportTokens({ after: '', limit: 10 })).map(({ id, status }) => [id, status]),
        [['token-2', 'c']],
      )
      const next = new Date((await t.store.storeTime()).getTime() + 3_600_000)
      const schedule = {
        name: 'nightly',
        tenantId: null,
        owner: null,
        status: 'paused',
        rule: { kind: 'every', everyMs: 60_000, anchorMs: 0 },
        timezone: 'UTC',
        startAt: null,
        endAt: null,
        allowOverlap: false,
        catchUp: 'one',
        catchUpLimit: 10,
        graceMs: 0,
        jitterMs: 0,
        oncePer: null,
        job: { jobType: 'work', payload: '{}' },
        nextRunAt: next,
        lastTickAt: new Date(next.getTime() - 7_200_000),
        lastEnqueuedAt: null,
        lastJobId: null,
        createdAt: new Date(1_700_000_000_000),
      } as const
      equal(await t.store.importSchedules({ schedules: [schedule] }), 1)
      equal(await t.store.importSchedules({ schedules: [schedule] }), 0)
      const stored = await t.store.getSchedule({ name: 'nightly', tenantId: null })
      equal([stored?.status, stored?.nextRunAt, stored?.lastTickAt], ['paused', next, schedule.lastTickAt])
    },
  },
]

export const transferCases: readonly ConformanceCase[] = [...exports, ...imports]
