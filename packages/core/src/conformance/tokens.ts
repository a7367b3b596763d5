import { check, equal } from './assert.ts'
import type { Bench } from './bench.ts'
import type { ConformanceCase } from './case.ts'
import { open, suspend, waiting, waitOf } from './waits.ts'

const YES = { text: '"yes"', codec: 'json' } as const

async function makeToken(t: Bench, tokenId = 'wp_1', timeoutMs: number | null = null): Promise<string> {
  await t.store.createToken({ tokenId, timeoutMs, tags: null })
  return tokenId
}

const forToken = (tokenId: string) => waitOf('token', { awaited: tokenId })

/** What the next run of the handler finds. */
async function resumed(t: Bench, worker: number): Promise<unknown> {
  const steps = await t.store.loadSteps(await t.claimOne(worker))
  check(steps !== 'lost', 'the lease holds')
  return steps.map(({ status, isTimedOut, result }) => [status, isTimedOut, result?.text])
}

export const tokenCases: readonly ConformanceCase[] = [
  {
    name: 'a token is stored with its limit and tags, and completed once',
    async run(t) {
      await t.store.createToken({ tokenId: 'wp_a', timeoutMs: 60_000, tags: ['x', 'y'] })
      const made = await t.store.getToken({ tokenId: 'wp_a' })
      equal([made?.status, made?.jobId, made?.tags, made?.output], ['waiting', null, ['x', 'y'], null])
      check(made?.timeoutAt instanceof Date, 'it has a limit')
      equal(await t.store.completeToken({ tokenId: 'wp_a', output: YES }), 'changed')
      equal(await t.store.completeToken({ tokenId: 'wp_a', output: { text: '"no"', codec: 'json' } }), 'unchanged')
      const done = await t.store.getToken({ tokenId: 'wp_a' })
      equal([done?.status, done?.output?.text], ['completed', '"yes"'])
      equal(await t.store.completeToken({ tokenId: 'wp_none', output: YES }), 'not_found')
    },
  },
  {
    name: 'a token completed before, during or after the wait is stored wakes the job once',
    async run(t) {
      const worker = await t.worker()
      const before = await makeToken(t, 'wp_before')
      await t.store.completeToken({ tokenId: before, output: YES })
      const early = await t.start(worker)
      const opened = await open(t, early, forToken(before))
      equal([opened.status, opened.result?.text], ['done', '"yes"'])

      const during = await makeToken(t, 'wp_during')
      const job = await t.start(worker)
      await open(t, job, forToken(during))
      await t.store.completeToken({ tokenId: during, output: YES })
      await t.settle(waiting(job))
      equal(await resumed(t, worker), [['done', false, '"yes"']])

      const after = await makeToken(t, 'wp_after')
      const { id } = await suspend(t, worker, forToken(after))
      equal((await t.job(id)).waitTokenId, after)
      await t.store.completeToken({ tokenId: after, output: YES })
      const record = await t.job(id)
      equal([record.status, record.waitTokenId, record.attempts], ['pending', null, 0])
      equal(await resumed(t, worker), [['done', false, '"yes"']])
      equal((await t.claim(worker)).length, 0)
    },
  },
  {
    name: 'a token completed while its waiter is being suspended is never lost',
    needs: ['concurrent-sessions'],
    async run(t) {
      const worker = await t.worker()
      for (let round = 0; round < 40; round++) {
        const tokenId = await makeToken(t, `wp_${round}`)
        const job = await t.start(worker)
        await open(t, job, forToken(tokenId))
        await Promise.all([t.settle(waiting(job)), t.store.completeToken({ tokenId, output: YES })])
        equal(await resumed(t, worker), [['done', false, '"yes"']], `round ${round}`)
      }
    },
  },
  {
    name: 'one token wakes every job that waits for it, whoever made it',
    async run(t) {
      const worker = await t.worker()
      const maker = await t.start(worker)
      const made = await t.store.createJobToken({ ...maker, tokenId: 'wp_m', timeoutMs: null, tags: null, key: 'k:0' })
      equal(made, { id: 'wp_m' })
      const again = await t.store.createJobToken({ ...maker, tokenId: 'wp_n', timeoutMs: null, tags: null, key: 'k:0' })
      equal(again, { id: 'wp_m' }, 'the same one in each run')
      equal(await t.store.getToken({ tokenId: 'wp_n' }), null)
      const waiters = [await suspend(t, worker, forToken('wp_m')), await suspend(t, worker, forToken('wp_m'))]
      await t.store.completeToken({ tokenId: 'wp_m', output: YES })
      equal(
        (await t.claimIds(worker)).sort((a, b) => a - b),
        waiters.map(({ id }) => id),
      )
    },
  },
  {
    name: 'a token past its limit times out by housekeeping and by request, and wakes its waiters',
    async run(t) {
      const worker = await t.worker()
      await suspend(t, worker, forToken(await makeToken(t, 'wp_t', 1)))
      await t.pass(1)
      await t.keepHouse(worker)
      equal(await resumed(t, worker), [['done', true, undefined]])
      equal((await t.store.getToken({ tokenId: 'wp_t' }))?.status, 'timed_out')
      await makeToken(t, 'wp_u', 1)
      await makeToken(t, 'wp_v', 60_000)
      await t.pass(1)
      equal(await t.store.expireTokens(), 1)
      equal(await t.store.completeToken({ tokenId: 'wp_u', output: YES }), 'unchanged')
    },
  },
  {
    name: 'an unrelated token does not end a wait, and an unknown one is refused',
    async run(t) {
      const worker = await t.worker()
      await makeToken(t, 'wp_x')
      const { id } = await suspend(t, worker, waitOf('time', { until: { delayMs: 3_600_000 } }))
      await t.store.completeToken({ tokenId: 'wp_x', output: YES })
      equal((await t.job(id)).status, 'waiting')
      const job = await t.start(worker)
      equal(await t.store.openWait({ ...job, wait: forToken('wp_unknown') }), 'unknown_token')
    },
  },
  {
    name: 'a completion in a transaction of the caller wakes the job when it commits, and only then',
    needs: ['caller-transactions'],
    async run(t) {
      const worker = await t.worker()
      await suspend(t, worker, forToken(await makeToken(t)))
      const rollback = t.target.transaction?.(async (db) => {
        await t.store.completeToken({ tokenId: 'wp_1', output: YES, db })
        throw new Error('no')
      })
      await rollback?.catch(() => undefined)
      equal((await t.claim(worker)).length, 0)
      await t.target.transaction?.((db) => t.store.completeToken({ tokenId: 'wp_1', output: YES, db }))
      equal(await resumed(t, worker), [['done', false, '"yes"']])
    },
  },
]
