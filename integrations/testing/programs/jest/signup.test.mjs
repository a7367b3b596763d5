import { createTestQueue } from 'millrace/testing'
import { afterAll, beforeEach, expect, test } from '@jest/globals'
import { jobs, signUp } from '../shop.mjs'

const DAY_MS = 24 * 3_600_000
const t = await createTestQueue({ jobs })
beforeEach(() => t.reset())
afterAll(() => t.close())

test('signing up sends a mail, and a reminder a week later', async () => {
  await signUp(t.queue, 'ada')
  await t.expectEnqueued('mail', { to: 'ada' })
  expect(await t.drain()).toBe(1)
  await t.advance(7 * DAY_MS)
  expect(await t.drain()).toBe(1)
})

test('a mail that fails is tried again', async () => {
  await signUp(t.queue, 'bob')
  t.failNext('mail', new Error('no connection'))
  expect((await t.runNext())?.status).toBe('failed')
  await t.advance(DAY_MS)
  expect((await t.runNext())?.status).toBe('completed')
})

test('what is not there is told', async () => {
  await signUp(t.queue, 'eve')
  const missing = await t.expectEnqueued('mail', { to: 'mallory' }).then(
    () => null,
    (error) => error,
  )
  expect(missing?.name).toBe('AssertionError')
  expect(String(missing?.message).includes('eve')).toBe(true)
})
