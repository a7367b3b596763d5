import type { StandardSchemaV1 } from '@standard-schema/spec'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { anyPayload, defineJobs, fatal, isMillraceError, snooze } from '../../src/index.ts'
import { openLab, SERVER_URL } from '../support/lab.ts'
import { poll } from '../support/poll.ts'

/** `{ to: string }` in, `{ to: string; copies: number }` out. */
const email: StandardSchemaV1<{ to: string; copies?: number }, { to: string; copies: number }> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate(value) {
      const { to, copies = 1 } = Object(value) as { to?: unknown; copies?: number }
      return typeof to === 'string'
        ? { value: { to, copies } }
        : { issues: [{ message: 'must be a string', path: ['to'] }] }
    },
  },
}

describe.skipIf(SERVER_URL === undefined)('job definitions', () => {
  test('payloads are typed, checked when added, and transformed before the handler', async () => {
    const lab = await openLab()
    const seen: unknown[] = []
    const jobs = defineJobs({
      'email.send': {
        payload: email,
        maxAttempts: 7,
        tags: ['mail'],
        handler: (payload) => {
          expectTypeOf(payload).toEqualTypeOf<{ to: string; copies: number }>()
          seen.push(payload)
          return payload.copies
        },
      },
      plain: { payload: anyPayload<number[]>(), handler: (payload) => payload.length },
    })
    const queue = lab.definedQueue(jobs)
    const id = await queue.addJob({ jobType: 'email.send', payload: { to: 'a@b.c' } })
    const plain = await queue.addJob({ jobType: 'plain', payload: [1, 2] })
    // @ts-expect-error -- a payload of another type
    const wrong: { to: string } = { to: 5 }
    const refused: unknown = await queue
      .addJob({ jobType: 'email.send', payload: wrong })
      .catch((error: unknown) => error)
    expect(isMillraceError(refused, 'PAYLOAD_INVALID')).toBe(true)
    expect(await queue.getJob(id)).toMatchObject({ payload: { to: 'a@b.c' }, maxAttempts: 7, tags: ['mail'] })
    await using processor = queue.createProcessor(undefined, { pollInterval: 100 })
    processor.startInBackground()
    await poll(async () => (await queue.getStats()).byStatus.completed === 2)
    expect(seen).toEqual([{ to: 'a@b.c', copies: 1 }])
    expect([(await queue.getJob(id))?.output, (await queue.getJob(plain))?.output]).toEqual([1, 2])
  })

  test('a stored payload that breaks its schema becomes a dead letter at once, and its handler is not called', async () => {
    const lab = await openLab()
    let calls = 0
    const jobs = defineJobs({
      'email.send': { payload: email, maxAttempts: 5, deadLetterJobType: 'dead', handler: () => void (calls += 1) },
      dead: { payload: anyPayload<{ failure: { reason: string } }>(), handler: (letter) => letter.failure.reason },
    })
    const queue = lab.definedQueue(jobs)
    const id = await queue.addJob({ jobType: 'email.send', payload: { to: 'a@b.c' } })
    await lab.sql(`update "${lab.schema}".jobs set payload = '{"to":5}' where id = $1`, [id])
    await using processor = queue.createProcessor(undefined, { pollInterval: 100 })
    processor.startInBackground()
    const job = await poll(async () => {
      const found = await queue.getJob(id)
      return found?.status === 'failed' ? found : undefined
    })
    expect(job).toMatchObject({ failureReason: 'payload_invalid', attempts: 1, nextAttemptAt: null })
    expect(job?.errorHistory[0]).toMatchObject({ reason: 'payload_invalid', attempt: 1 })
    const letter = job?.deadLetterJobId ?? 0
    await poll(async () => (await queue.getJob(letter))?.status === 'completed')
    expect([(await queue.getJob(letter))?.output, calls]).toEqual(['payload_invalid', 0])
  })

  test('a retry function decides about each failure; false ends the job', async () => {
    const lab = await openLab()
    const asked: [number, string][] = []
    const jobs = defineJobs({
      work: {
        payload: anyPayload<string>(),
        maxAttempts: 10,
        retry: ({ attempt, error, payload }) => {
          asked.push([attempt, payload])
          return String(error).includes('final') ? false : 1
        },
        handler: (_payload, _signal, { attempt }) => {
          throw new Error(attempt < 3 ? 'passing' : 'final')
        },
      },
    })
    const queue = lab.definedQueue(jobs)
    const id = await queue.addJob({ jobType: 'work', payload: 'p' })
    await using processor = queue.createProcessor(undefined, { pollInterval: 50, onError: () => undefined })
    processor.startInBackground()
    await poll(async () => (await queue.getJobs({ final: true })).length === 1)
    expect(await queue.getJob(id)).toMatchObject({ attempts: 3, status: 'failed', nextAttemptAt: null })
    expect(asked).toEqual([
      [1, 'p'],
      [2, 'p'],
      [3, 'p'],
    ])
  })

  test('fatal ends a job whatever attempts are left; snooze postpones it without using one up', async () => {
    const lab = await openLab()
    const queue = lab.queue()
    let snoozes = 0
    const attempts: number[] = []
    await using processor = queue.createProcessor(
      {
        doomed: () => {
          throw fatal(new TypeError('no such account', { cause: new Error('404') }))
        },
        later: (_payload, _signal, ctx) => {
          attempts.push(ctx.attempt)
          snoozes += 1
          if (snoozes === 1) throw snooze(20)
          return snoozes === 2 ? snooze(20) : 'done'
        },
      },
      { pollInterval: 50 },
    )
    processor.startInBackground()
    const doomed = await queue.addJob({ jobType: 'doomed', payload: null, maxAttempts: 9 })
    const later = await queue.addJob({ jobType: 'later', payload: null, maxAttempts: 1 })
    await poll(async () => (await queue.getJob(later))?.status === 'completed')
    await poll(async () => (await queue.getJob(doomed))?.status === 'failed')
    expect(attempts).toEqual([1, 1, 1])
    expect(await queue.getJob(later)).toMatchObject({ attempts: 1, output: 'done', errorHistory: [] })
    const job = await queue.getJob(doomed)
    expect(job).toMatchObject({ attempts: 1, maxAttempts: 9, nextAttemptAt: null })
    expect(job?.errorHistory[0]).toMatchObject({
      name: 'TypeError',
      message: 'no such account',
      cause: [{ message: '404' }],
    })
    expect(job?.errorHistory[0]?.stack).toContain('define-jobs.test')
  })
})
