import type { StandardSchemaV1 } from '@standard-schema/spec'
import { describe, expect, it } from 'vitest'
import { anyPayload, defineJobs } from '../model/define-jobs.ts'
import type { AnyJobOptions } from '../model/options.ts'
import { prepareChanges, prepareJob, prepareJobs } from './prepare.ts'

const plain = { maxBytes: 1000 }

/** Accepts an object whose `at` is text; async on demand. */
const textual = (isAsync: boolean): StandardSchemaV1 => {
  const check = (value: unknown): StandardSchemaV1.Result<unknown> => {
    const at = typeof value === 'object' && value !== null ? Reflect.get(value, 'at') : undefined
    if (typeof at === 'string') return { value: { at: `transformed ${at}` } }
    return { issues: [{ message: 'expected text', path: ['at'] }] }
  }
  return {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value) => (isAsync ? Promise.resolve(check(value)) : check(value)),
    },
  }
}

const jobs = defineJobs({
  sync: {
    payload: textual(false),
    handler: () => {},
    maxAttempts: 7,
    priority: 2,
    tags: ['x'],
    forceKillOnTimeout: true,
    timeoutMs: 5,
  },
  later: { payload: textual(true), handler: () => {}, retry: { delay: 1.5, backoff: false } },
  rich: { payload: anyPayload(), handler: () => {}, codec: 'rich', deadLetterJobType: 'dead' },
})

describe('prepareJob', () => {
  it('sets nothing that was not given', () => {
    const job = {
      jobType: 't',
      payload: { a: 1 },
      maxAttempts: undefined,
      runAt: null,
      dependsOn: { jobIds: [], tags: [] },
    }
    expect(prepareJob(job, plain)).toStrictEqual({ jobType: 't', payload: '{"a":1}' })
  })

  it('passes every option on', () => {
    const runAt = new Date(5)
    const job: AnyJobOptions = {
      jobType: 't',
      payload: null,
      maxAttempts: 1,
      priority: -1,
      runAt,
      timeoutMs: 100,
      forceKillOnTimeout: true,
      tags: ['b', 'a', 'b'],
      idempotencyKey: 'k',
      retryDelay: 0.5,
      retryBackoff: false,
      retryDelayMax: 9,
      deadLetterJobType: 'd',
      group: { id: 'g', tier: 'gold' },
      tenantId: 'acme',
    }
    const { group, ...others } = job
    expect(prepareJob(job, plain)).toStrictEqual({ ...others, payload: 'null', groupId: group?.id, groupTier: 'gold' })
  })

  it('fills in the defaults of the type, which the job overrides', () => {
    const context = { ...plain, definition: jobs.sync }
    const defaults = { maxAttempts: 7, priority: 2, tags: ['x'], forceKillOnTimeout: true, timeoutMs: 5 }
    expect(prepareJob({ jobType: 'sync', payload: { at: 'x' } }, context)).toMatchObject(defaults)
    const own = { maxAttempts: 1, priority: 0, tags: [], timeoutMs: 6 }
    const prepared = prepareJob({ jobType: 'sync', payload: { at: 'x' }, forceKillOnTimeout: false, ...own }, context)
    expect(prepared).toStrictEqual({ jobType: 'sync', payload: '{"at":"x"}', ...own })
  })

  it('shows the schema what a worker will see, and stores what was given', () => {
    const prepared = prepareJob({ jobType: 'sync', payload: { at: new Date(0) } }, { ...plain, definition: jobs.sync })
    expect(prepared).toMatchObject({ payload: '{"at":"1970-01-01T00:00:00.000Z"}' })
    expect(() => prepareJob({ jobType: 'sync', payload: { at: 5 } }, { ...plain, definition: jobs.sync })).toThrow(
      'expected text',
    )
  })

  it('is asynchronous only for a type with an asynchronous schema', async () => {
    const context = { ...plain, definition: jobs.later }
    const prepared = prepareJob({ jobType: 'later', payload: { at: 'x' } }, context)
    expect(prepared).toBeInstanceOf(Promise)
    expect(await prepared).toMatchObject({ retryDelay: 1.5, retryBackoff: false })
    await expect(prepareJob({ jobType: 'later', payload: {} }, context)).rejects.toMatchObject({
      code: 'PAYLOAD_INVALID',
    })
  })

  it('uses the codec of the type', () => {
    const prepared = prepareJob({ jobType: 'rich', payload: 5n }, { ...plain, definition: jobs.rich })
    expect(prepared).toStrictEqual({
      jobType: 'rich',
      payload: '{"$bigint":"5"}',
      codec: 'rich',
      deadLetterJobType: 'dead',
    })
  })

  it('refuses placeholders of a batch and too much payload', () => {
    const dependent = { jobType: 't', payload: 1, dependsOn: { jobIds: [-1] } }
    const message = 'dependsOn.jobIds: batch-relative (negative) ids are only supported in addJobs()'
    expect(() => prepareJob(dependent, plain)).toThrow(expect.objectContaining({ code: 'OPTION_INVALID', message }))
    expect(() => prepareJob({ jobType: 't', payload: 'x'.repeat(999) }, plain)).toThrow(
      expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE' }),
    )
  })
})

describe('prepareJobs', () => {
  const contextOf = (jobType: string): { maxBytes: number; definition?: (typeof jobs)['later'] } =>
    jobType === 'later' ? { ...plain, definition: jobs.later } : plain

  it('keeps the order, waiting only for asynchronous schemas', async () => {
    expect(prepareJobs([{ jobType: 'a', payload: 1 }], contextOf)).toMatchObject([{ payload: '1' }])
    const mixed = [
      { jobType: 'later', payload: { at: 'x' } },
      { jobType: 'a', payload: 2 },
    ]
    expect(await prepareJobs(mixed, contextOf)).toMatchObject([{ jobType: 'later' }, { jobType: 'a' }])
    expect(prepareJobs([], contextOf)).toEqual([])
  })

  it('names the job at fault', async () => {
    const bad = { jobType: 'a', payload: { x: [NaN] } }
    expect(() => prepareJobs([{ jobType: 'a', payload: 1 }, bad], contextOf)).toThrow(
      expect.objectContaining({
        code: 'PAYLOAD_INVALID',
        details: expect.objectContaining({ field: 'jobs[1].payload.x[0]' }),
      }),
    )
    expect(() => prepareJobs([{ jobType: 'a', payload: 1, maxAttempts: 0 }], contextOf)).toThrow(
      /^jobs\[0\]: `maxAttempts` must/,
    )
    await expect(prepareJobs([{ jobType: 'later', payload: {} }], contextOf)).rejects.toMatchObject({
      details: { field: 'jobs[0].payload.at' },
    })
    expect(() => Reflect.apply(prepareJobs, undefined, [[undefined], contextOf])).toThrow(
      /^jobs\[0\]: `job` must be an object/,
    )
    expect(() => Reflect.apply(prepareJobs, undefined, ['x', contextOf])).toThrow('`jobs` must be an array')
  })
})

describe('prepareChanges', () => {
  it('keeps null, drops undefined and encodes the payload', () => {
    const updates = { payload: [1], priority: undefined, runAt: null, tags: null, retryDelay: 2, timeoutMs: null }
    expect(prepareChanges(updates, plain)).toStrictEqual({
      payload: '[1]',
      codec: 'json',
      runAt: null,
      tags: null,
      retryDelay: 2,
      timeoutMs: null,
    })
    expect(prepareChanges({}, plain)).toStrictEqual({})
  })
})
