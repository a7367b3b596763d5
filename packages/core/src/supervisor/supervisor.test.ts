import { expect, test } from 'vitest'
import { QueueEvents } from '../observe/events.ts'
import { Hooks } from '../observe/hooks.ts'
import { ManualClock } from '../testing/manual-clock.ts'
import { createSupervisor } from './supervisor.ts'

test('a clean-up that takes long rests in the background, beside the other tasks, and not when it is asked for', async () => {
  const clock = new ManualClock()
  let cleanups = 0
  let rounds = 0
  const store = {
    cleanupJobs: () =>
      new Promise<number>((resolve) => {
        cleanups++
        clock.after(1_000, () => resolve(1))
      }),
    upkeep: () => Promise.resolve(void rounds++),
  }
  const supervisor = createSupervisor(
    {
      intervalMs: 1_000,
      cleanupEventsDaysToKeep: 0,
      reclaimStuckJobs: false,
      expireTimedOutTokens: false,
      fireSchedules: false,
    },
    {
      store: () => Promise.resolve(store as never),
      clock,
      events: new QueueEvents(),
      hooks: new Hooks(),
      onActive: () => undefined,
      subscribeVerbose: () => () => undefined,
      firer: undefined as never,
      hasFiringProcessor: () => true,
    },
  )
  supervisor.startInBackground()
  await clock.advance(50_000)
  expect([cleanups, rounds]).toEqual([1, 50])
  await clock.advance(5_000)
  expect(cleanups).toBe(2)
  const asked = supervisor.start()
  await clock.advance(1_000)
  expect(await asked).toMatchObject({ cleanedUpJobs: 1 })
  expect(cleanups).toBe(3)
  supervisor.stop()
  expect(clock.pendingTimers).toBe(0)
})
