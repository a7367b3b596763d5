import { AssertionError } from 'node:assert'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createTestQueue } from '../../src/testing/index.ts'
import type { TestQueue } from '../../src/testing/index.ts'

interface Jobs {
  mail: { to: string; tags?: string[] }
  report: { day: number }
}

const HOUR_MS = 3_600_000

describe('createTestQueue', () => {
  let t: TestQueue<Jobs>
  const sent: string[] = []

  beforeAll(async () => {
    t = await createTestQueue<Jobs>({
      handlers: {
        mail: async ({ to }, _signal, ctx) => {
          if (to === 'later') await ctx.waitFor({ hours: 2 })
          sent.push(to)
          return { to }
        },
        report: async ({ day }) => void (await t.queue.addJob({ jobType: 'mail', payload: { to: `day ${day}` } })),
      },
    })
  }, 120_000)
  beforeEach(async () => {
    sent.length = 0
    await t.reset()
  })
  afterAll(() => t.close())

  test('drains what is ready and what that adds, and says how many attempts it took', async () => {
    await t.queue.addJob({ jobType: 'report', payload: { day: 1 } })
    await t.queue.addJob({ jobType: 'mail', payload: { to: 'ada' } })
    expect(await t.drain()).toBe(3)
    expect(sent.toSorted()).toEqual(['ada', 'day 1'])
    expect(await t.drain()).toBe(0)
  })

  test('runs the next job alone, and answers it', async () => {
    await t.queue.addJob({ jobType: 'mail', payload: { to: 'second' } })
    await t.queue.addJob({ jobType: 'mail', payload: { to: 'first' }, priority: 5 })
    expect(await t.runNext()).toMatchObject({ status: 'completed', output: { to: 'first' } })
    expect(sent).toEqual(['first'])
    await t.runNext()
    expect(await t.runNext()).toBeNull()
  })

  test('lets time pass for delays, retries, waits and schedules', async () => {
    await t.queue.addJob({ jobType: 'mail', payload: { to: 'tomorrow' }, runAt: new Date(Date.now() + 24 * HOUR_MS) })
    await t.queue.addJob({ jobType: 'mail', payload: { to: 'later' } })
    t.failNext('mail', new Error('no network'))
    const retried = await t.queue.addJob({ jobType: 'mail', payload: { to: 'retried' }, priority: 1, retryDelay: 600 })
    await t.queue.addCronJob({
      scheduleName: 'daily',
      cronExpression: '0 0 * * *',
      jobType: 'mail',
      payload: { to: 'cron' },
    })

    expect(await t.drain()).toBe(2)
    expect(sent).toEqual([])
    expect(await t.queue.getJob(retried)).toMatchObject({ status: 'failed', errorHistory: [{ message: 'no network' }] })
    await t.advance(HOUR_MS)
    await t.drain()
    expect(sent).toEqual(['retried'])
    await t.advance(HOUR_MS)
    await t.drain()
    expect(sent).toContain('later')
    await t.advance(22 * HOUR_MS)
    await t.drain()
    expect(sent).toEqual(expect.arrayContaining(['tomorrow', 'cron']))
    expect(await t.queue.checkInvariants()).toEqual([])
  })

  test('finds what was added by part of its payload, and lists what there is otherwise', async () => {
    await t.queue.addJob({ jobType: 'mail', payload: { to: 'ada', tags: ['x'] } })
    expect((await t.expectEnqueued('mail', { to: 'ada' })).payload.tags).toEqual(['x'])
    const missing = t.expectEnqueued('mail', { to: 'bob' })
    await expect(missing).rejects.toThrow(AssertionError)
    await expect(missing).rejects.toThrow(
      /no job mail was added with \{"to":"bob"\}; the newest are:\n {2}\d+ mail pending/,
    )
  })

  test('a failure that is planned is met once, and is gone after a reset', async () => {
    t.failNext('mail', new Error('once'), 2)
    await t.queue.addJob({ jobType: 'mail', payload: { to: 'ada' }, maxAttempts: 1 })
    expect(await t.runNext()).toMatchObject({ status: 'failed' })
    await t.reset()
    await t.queue.addJob({ jobType: 'mail', payload: { to: 'ada' } })
    expect(await t.runNext()).toMatchObject({ status: 'completed' })
  })

  test('jobs that add jobs without end are told apart from work', async () => {
    const endless = await createTestQueue<{ again: null }>({
      handlers: { again: async () => void (await endless.queue.addJob({ jobType: 'again', payload: null })) },
    })
    await endless.queue.addJob({ jobType: 'again', payload: null })
    await expect(endless.drain(5)).rejects.toThrow('more than 5 attempts')
    await endless.close()
  }, 60_000)
})
