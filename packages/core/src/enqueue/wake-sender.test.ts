import { describe, expect, it } from 'vitest'
import { ManualClock } from '../testing/manual-clock.ts'
import { WakeSender } from './wake-sender.ts'

function setUp(fail?: Error): {
  clock: ManualClock
  wakes: (readonly number[])[]
  errors: Error[]
  sender: WakeSender
} {
  const clock = new ManualClock()
  const wakes: (readonly number[])[] = []
  const errors: Error[] = []
  const wake = async ({ priorities }: { priorities: readonly number[] }): Promise<void> => {
    wakes.push(priorities)
    if (fail) throw fail
  }
  return {
    clock,
    wakes,
    errors,
    sender: new WakeSender({ store: { wake }, clock, onError: (error) => errors.push(error) }),
  }
}

describe('WakeSender', () => {
  it('sends the first wake-up at once and those of the next five milliseconds together', async () => {
    const { clock, wakes, sender } = setUp()
    sender.wake([1])
    sender.wake([2])
    sender.wake([3, 2])
    expect(wakes).toEqual([[1]])
    await clock.advance(5)
    expect(wakes).toEqual([[1], [2, 3]])
    await clock.advance(4)
    sender.wake([4])
    expect(wakes).toHaveLength(2)
    await clock.advance(1)
    expect(wakes).toEqual([[1], [2, 3], [4]])
    await clock.advance(5)
    sender.wake([5])
    expect(wakes).toHaveLength(4)
    expect(clock.pendingTimers).toBe(0)
  })

  it('sends nothing when no level gained jobs', () => {
    const { clock, wakes, sender } = setUp()
    sender.wake([])
    expect(wakes).toEqual([])
    expect(clock.pendingTimers).toBe(0)
  })

  it('flushes what is deferred', async () => {
    const { clock, wakes, sender } = setUp()
    sender.wake([1])
    sender.wake([2])
    await sender.flush()
    expect(wakes).toEqual([[1], [2]])
    expect(clock.pendingTimers).toBe(0)
  })

  it('reports a wake-up that fails and goes on', async () => {
    const boom = new Error('boom')
    const { clock, wakes, errors, sender } = setUp(boom)
    sender.wake([1])
    await sender.flush()
    await clock.advance(5)
    sender.wake([2])
    await sender.flush()
    expect(wakes).toEqual([[1], [2]])
    expect(errors).toEqual([boom, boom])
  })
})
