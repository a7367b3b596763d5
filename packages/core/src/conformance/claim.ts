import type { ExchangeOptions, ReadyBound } from '../store/claim.ts'
import { between, check, equal } from './assert.ts'
import { completed, released, retry } from './bench.ts'
import type { ConformanceCase } from './case.ts'

export const claimCases: readonly ConformanceCase[] = [
  {
    name: 'a claimed job carries everything its attempt needs, and a lease',
    async run(t) {
      const worker = await t.worker({ workerId: 'w1' })
      const options = {
        payload: '{"a":[1]}',
        maxAttempts: 5,
        priority: 3,
        timeoutMs: 1500,
        forceKillOnTimeout: true,
        tags: ['x', 'y'],
        idempotencyKey: 'k',
        retryDelay: 2,
        retryBackoff: true,
        retryDelayMax: 60.5,
        groupId: 'g',
        tenantId: 't',
      }
      const job = await t.start(worker, options)
      const { retryDelay, retryBackoff, retryDelayMax, payload, ...rest } = options
      for (const [name, value] of Object.entries(rest)) equal(Reflect.get(job, name), value, name)
      equal(job.retry, { delay: retryDelay, backoff: retryBackoff, delayMax: retryDelayMax })
      equal(JSON.parse(job.payload), JSON.parse(payload))
      equal([job.jobType, job.attempt, job.codec], ['work', 1, 'json'])
      check(Number.isSafeInteger(job.token) && job.token > 0, 'the token is a positive integer')
      const stored = await t.job(job.id)
      equal([stored.status, stored.lockedBy, stored.attempts], ['processing', 'w1', 1])
      check(stored.lockedAt !== null && stored.startedAt !== null, 'the start is recorded')
    },
  },
  {
    name: 'a plain job is claimed with nulls for what it does not have',
    async run(t) {
      const job = await t.start(await t.worker())
      equal(
        [job.timeoutMs, job.forceKillOnTimeout, job.tags, job.idempotencyKey, job.groupId, job.tenantId],
        [null, false, null, null, null, null],
      )
      equal(job.retry, { delay: null, backoff: null, delayMax: null })
    },
  },
  {
    name: 'jobs are claimed by priority and then by age',
    async run(t) {
      const worker = await t.worker()
      const [a, b, c, d, e] = await t.addAll([0, 5, -3, 5, 0].map((priority) => ({ priority })))
      equal(await t.claimIds(worker), [b, d, a, e, c])
    },
  },
  {
    name: 'a hundred claims of one keep the order of a single claim',
    async run(t) {
      const worker = await t.worker()
      const priorities = Array.from({ length: 100 }, (_, n) => (n * 7) % 5)
      const ids = await t.addAll(priorities.map((priority) => ({ priority })))
      const expected = ids
        .map((id, n) => ({ id, priority: priorities[n] ?? 0 }))
        .toSorted((a, b) => b.priority - a.priority || a.id - b.id)
      const claimed: number[] = []
      for (let n = 0; n < 100; n++) claimed.push((await t.claimOne(worker)).id)
      equal(
        claimed,
        expected.map(({ id }) => id),
      )
    },
  },
  {
    name: 'a claim takes at most its limit, and none for a limit of 0',
    async run(t) {
      const worker = await t.worker()
      const ids = await t.addAll([{}, {}, {}])
      equal(await t.claimIds(worker, 0), [])
      equal(await t.claimIds(worker, 2), ids.slice(0, 2))
      equal(await t.claimIds(worker, 2), ids.slice(2))
      equal(await t.claimIds(worker, 2), [])
    },
  },
  {
    name: 'concurrent claims never share a job, and together take them all',
    async run(t) {
      const workers = await Promise.all(Array.from({ length: 8 }, () => t.worker()))
      const ids = await t.addAll(Array.from({ length: 400 }, () => ({})))
      const claimed = (await Promise.all(workers.map((worker) => t.claimIds(worker, 50)))).flat()
      equal(new Set(claimed).size, claimed.length)
      const rest = await t.claimIds(workers[0] ?? 0, 400)
      equal(
        [...claimed, ...rest].toSorted((a, b) => a - b),
        [...ids],
      )
    },
  },
  {
    name: 'tokens are never reused, and a later claim has a larger one',
    async run(t) {
      const worker = await t.worker()
      const tokens: number[] = []
      await t.add({ maxAttempts: 10 })
      for (let n = 0; n < 5; n++) {
        const job = await t.claimOne(worker)
        tokens.push(job.token)
        if (n % 2 === 0) await t.settle(released(job))
        else await t.store.retry({ id: job.id })
      }
      equal(
        tokens,
        [...new Set(tokens)].toSorted((a, b) => a - b),
      )
    },
  },
  {
    name: 'a claim from bounds looks only at the levels given, at and above their bounds',
    async run(t) {
      const worker = await t.worker()
      const ids = await t.addAll([{ priority: 1 }, { priority: 1 }, { priority: 2 }, {}])
      const [first, second, high] = await t.claim(worker, 3, { limit: 3 }).then((jobs) => [jobs[1], jobs[2], jobs[0]])
      equal([first?.id, second?.id, high?.id], [ids[0], ids[1], ids[2]])
      await t.settle(...[first, second, high].flatMap((job) => (job === undefined ? [] : [released(job)])))
      const from = (bounds: readonly ReadyBound[]): Promise<number[]> => t.claimIds(worker, 10, { from: bounds })
      equal(await from([]), [])
      equal(await from([{ priority: 1, fromSeq: second?.readySeq ?? 0 }]), [ids[1]])
      equal(
        await from([
          { priority: 2, fromSeq: 0 },
          { priority: 1, fromSeq: 0 },
        ]),
        [ids[2], ids[0]],
      )
      equal(await t.claimIds(worker), [ids[3]])
    },
  },
  {
    name: 'a sweep tells every level that has more, highest first, and a bound that misses none of its jobs',
    async run(t) {
      const worker = await t.worker()
      const [low, , first, second] = await t.addAll([
        { priority: -1 },
        { priority: 9 },
        { priority: 4 },
        { priority: 4 },
      ])
      const { jobs, levels } = await t.exchange(worker, { limit: 1 })
      check(levels !== undefined && levels !== 'many', 'a sweep answers levels')
      equal(jobs[0]?.priority, 9)
      const priorities = levels.map(({ priority }) => priority)
      equal(
        priorities,
        priorities.toSorted((a, b) => b - a),
      )
      equal(await t.claimIds(worker, 10, { from: levels }), [first, second, low])
    },
  },
  {
    name: 'a sweep of more than 16 levels says many',
    async run(t) {
      const worker = await t.worker()
      await t.addAll(Array.from({ length: 18 }, (_, priority) => ({ priority })))
      equal((await t.exchange(worker, { limit: 1 })).levels, 'many')
      await t.claim(worker, 10)
      check((await t.exchange(worker, { limit: 1 })).levels !== 'many', 'fewer are told')
    },
  },
  {
    name: 'a claim of one type hides none of them behind what it says has been looked through',
    async run(t) {
      const worker = await t.worker()
      const mine = { jobType: 'mine', priority: 2 }
      const [, a, b, , c] = await t.addAll([{}, mine, mine, {}, { jobType: 'mine' }])
      const claim = (options: Partial<ExchangeOptions>) => t.exchange(worker, { jobTypes: ['mine'], ...options })
      const full = await claim({ limit: 1 })
      equal(
        full.jobs.map(({ id }) => id),
        [a],
      )
      check(full.looked === undefined || 'past' in full.looked, 'what was left behind is not called looked through')
      const short = await claim({ limit: 10 })
      equal(
        short.jobs.map(({ id }) => id),
        [b, c],
      )
      const [d, e] = await t.addAll([mine, { jobType: 'mine' }])
      const fromSeq = short.looked !== undefined && 'top' in short.looked ? short.looked.top : 0
      const from = [2, 0].map((priority) => ({ priority, fromSeq }))
      equal(await t.claimIds(worker, 10, { from, jobTypes: ['mine'] }), [d, e])
    },
  },
  {
    name: 'what becomes ready later stands behind what was claimed, so that bounds find it',
    async run(t) {
      const worker = await t.worker()
      const first = await t.start(worker, { maxAttempts: 5 })
      const second = await t.start(worker)
      await t.settle(retry(first))
      await t.keepHouse(worker)
      const [again] = await t.claim(worker, 1, { from: [{ priority: 0, fromSeq: second.readySeq }] })
      equal(again?.id, first.id)
    },
  },
  {
    name: 'only as many jobs on their last attempt are claimed as there are free slots',
    async run(t) {
      const worker = await t.worker()
      const last = { maxAttempts: 1 }
      const [a, b, c, d, e] = await t.addAll([last, {}, last, last, {}])
      equal(await t.claimIds(worker, 10, { slots: 0 }), [b, e])
      equal(await t.claimIds(worker, 10, { slots: 1 }), [a])
      const bounds = [{ priority: 0, fromSeq: 0 }]
      equal(await t.claimIds(worker, 10, { slots: 0, from: bounds }), [])
      equal(await t.claimIds(worker, 10, { slots: 1, from: bounds }), [c])
      equal(await t.claimIds(worker, 10, { slots: 5, from: bounds }), [d])
    },
  },
  {
    name: 'a worker with types claims only those, and leaves the others untouched',
    async run(t) {
      const worker = await t.worker()
      const [, b, c, other] = await t.addAll([
        { jobType: 'a' },
        { jobType: 'b' },
        { jobType: 'c' },
        { jobType: "it's" },
      ])
      equal(await t.claimIds(worker, 10, { jobTypes: ['b', 'c', 'constructor'] }), [b, c])
      equal(await t.claimIds(worker, 10, { jobTypes: [] }), [])
      equal(await t.claimIds(worker, 10, { jobTypes: ["it's"], from: [{ priority: 0, fromSeq: 0 }] }), [other])
      equal((await t.store.stats()).ready, 1)
    },
  },
  {
    name: 'a future job is not claimed, and the time until it is due is told',
    async run(t) {
      const worker = await t.worker()
      const runAt = new Date(Date.now() + 3_600_000)
      await t.addAll([{ runAt: new Date(Date.now() + 7_200_000) }, { runAt }])
      equal(await t.claimIds(worker), [])
      const { nextDueMs, promoted } = await t.keepHouse(worker)
      equal(promoted, 0)
      between(nextDueMs, 3_500_000, 3_600_001, 'the time until the next job is due')
    },
  },
  {
    name: 'without timed jobs no due time is told',
    async run(t) {
      const worker = await t.worker()
      await t.add()
      equal((await t.keepHouse(worker)).nextDueMs, null)
    },
  },
  {
    name: 'a job that is due is promoted once and claimed after what was ready before it',
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      await t.settle(retry(job, 0))
      const other = await t.add()
      equal(await t.claimIds(worker, 0), [])
      equal((await t.keepHouse(worker)).promoted, 1)
      equal((await t.keepHouse(worker)).promoted, 0)
      equal(await t.claimIds(worker), [other, job.id])
    },
  },
  {
    name: 'one exchange settles first and then claims what that made ready',
    async run(t) {
      const worker = await t.worker()
      const job = await t.start(worker)
      const next = await t.add()
      const answer = await t.exchange(worker, { limit: 5, settlements: [completed(job)] })
      equal([...answer.settled], ['settled'])
      equal(
        answer.jobs.map(({ id }) => id),
        [next],
      )
      const handedBack = await t.exchange(worker, { limit: 5, settlements: answer.jobs.map(released) })
      equal(
        handedBack.jobs.map(({ id, attempt }) => [id, attempt]),
        [[next, 1]],
      )
    },
  },
  {
    name: 'the results of settlements in an exchange come in their order',
    async run(t) {
      const worker = await t.worker()
      await t.addAll([{}, {}, {}, {}])
      const [a, b, c, d] = await t.claim(worker)
      check(a && b && c && d, 'four jobs were claimed')
      const gone = { id: 999_999_999, token: 1 }
      const answer = await t.exchange(worker, {
        settlements: [completed(a, '1'), completed(gone), retry(b), completed(c), retry(gone), released(d)],
      })
      equal([...answer.settled], ['settled', 'lost', 'settled', 'settled', 'lost', 'settled'])
    },
  },
  {
    name: 'an unknown worker claims nothing and is told that it is not alive',
    async run(t) {
      const id = await t.add()
      const answer = await t.exchange(987_654_321, { limit: 5 })
      equal([answer.jobs.length, answer.alive], [0, false])
      equal((await t.job(id)).status, 'pending')
    },
  },
]
