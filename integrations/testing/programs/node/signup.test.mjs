import { createTestQueue } from 'millrace/testing'
import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import { jobs, signUp } from '../shop.mjs'

const DAY_MS = 24 * 3_600_000
const t = await createTestQueue({ jobs })
beforeEach(() => t.reset())
after(() => t.close())

test('signing up sends a mail, and a reminder a week later', async () => {
  await signUp(t.queue, 'ada')
  await t.expectEnqueued('mail', { to: 'ada' })
  assert.equal(await t.drain(), 1)
  await t.advance(7 * DAY_MS)
  assert.equal(await t.drain(), 1)
})

test('a mail that fails is tried again', async () => {
  await signUp(t.queue, 'bob')
  t.failNext('mail', new Error('no connection'))
  assert.equal((await t.runNext())?.status, 'failed')
  await t.advance(DAY_MS)
  assert.equal((await t.runNext())?.status, 'completed')
})

test('what is not there is told', async () => {
  await signUp(t.queue, 'eve')
  const missing = await t.expectEnqueued('mail', { to: 'mallory' }).then(
    () => null,
    (error) => error,
  )
  assert.equal(missing?.name, 'AssertionError')
  assert.equal(String(missing?.message).includes('eve'), true)
})
