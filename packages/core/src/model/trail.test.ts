import { describe, expect, it } from 'vitest'
import { jobEvents, type JobTrail } from './trail.ts'

const AT = '2026-01-01T00:00:00.000Z'

const trail = (given: Partial<JobTrail>): JobTrail => ({
  jobId: 7,
  jobType: 'work',
  createdAt: new Date(AT),
  attempt: 0,
  claimedAt: null,
  workerId: null,
  finishedAt: null,
  dropped: 0,
  entries: [],
  current: 'none',
  ...given,
})

const failed = (attempt: number): object => ({
  kind: 'attempt',
  outcome: 'failed',
  attempt,
  worker: 'me',
  claimedAt: AT,
  at: AT,
  error: { message: 'no luck', timestamp: AT },
  reason: 'handler_error',
})

describe('the metadata of an event', () => {
  it('is an object for every type, also where there is nothing to say', () => {
    const kinds = ['edited', 'retried', 'prolonged', 'cancelled', 'cancel_requested']
    const outcomes = ['failed', 'cancelled', 'lost', 'revoked', 'released', 'snoozed', 'waiting']
    const entries = [
      ...kinds.map((kind) => ({ kind, at: AT })),
      ...outcomes.map((outcome) => ({ kind: 'attempt', outcome, claimedAt: AT, at: AT })),
    ]
    const events = jobEvents(trail({ entries }))
    expect(events).toHaveLength(1 + kinds.length + 2 * outcomes.length + 1)
    expect(events.map(({ metadata }) => metadata)).toEqual(events.map(() => expect.any(Object)))
  })

  it('of a failure has the error, its message, the reason, the attempt and the worker', () => {
    const [, , event] = jobEvents(trail({ entries: [failed(1)] }))
    expect(event?.metadata).toEqual({
      attempt: 1,
      workerId: 'me',
      outcome: 'failed',
      message: 'no luck',
      error: { message: 'no luck', timestamp: AT },
      reason: 'handler_error',
    })
  })

  it('names the dead letter in the failure that led to it, and in no other', () => {
    const events = jobEvents(trail({ entries: [failed(1), failed(2)], deadLetterJobId: 8 }))
    const letters = events.flatMap(({ eventType, metadata }) =>
      eventType === 'failed' ? [metadata.deadLetterJobId] : [],
    )
    expect(letters).toEqual([undefined, 8])
    expect(events.filter(({ metadata }) => 'deadLetterJobId' in metadata)).toHaveLength(1)
  })
})
