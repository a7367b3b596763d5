import { describe, expect, test } from 'vitest'
import { isMillraceError } from '../../src/index.ts'
import type { JobHandler } from '../../src/index.ts'
import { hasServer, useApi } from '../support/api-queue.ts'

// What somebody may put into every text that ends up in a statement, a template, a channel or an object's property.
const HOSTILE: readonly string[] = [
  `'; drop schema security cascade; --`,
  `"; select pg_terminate_backend(pg_backend_pid()); --`,
  `$1, $2::text, $$ body $$, :schema.jobs :channel`,
  String.raw`\'; \u0027 \x00 %s %n {0}`,
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  '../../etc/passwd',
  '<img src=x onerror=alert(1)>',
  'a,b"c\'d`e{f}g',
  ' ',
  'null',
  '\u2028\u2029\u{1f600}\u202e',
]

const UNSTORABLE: readonly string[] = ['nul \0 inside', 'half a pair \ud800', '\udfff the other half']

type Add = (text: string) => Promise<unknown>

/** The code of an error of ours; any other error is thrown on. */
function codeOf(error: unknown): string {
  if (isMillraceError(error)) return error.code
  throw error
}

/** JSON whose keys are in order, since jsonb keeps none; an object's own `__proto__` is seen. */
function sorted(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sorted).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${sorted(inner)}`).join(',')}}`
}

describe.skipIf(!hasServer)('hostile input', () => {
  const api = useApi('security')

  /** Adds a job with `text` in one field, and reads that field back. */
  const fields: Readonly<Record<string, Add>> = {
    jobType: async (text) => (await api.job(await api.queue.addJob({ jobType: text, payload: {} }))).jobType,
    tags: async (text) =>
      (await api.job(await api.queue.addJob({ jobType: 'a', payload: {}, tags: [text, 'b'] }))).tags?.[0],
    idempotencyKey: async (text) =>
      (await api.job(await api.queue.addJob({ jobType: 'a', payload: {}, idempotencyKey: text }))).idempotencyKey,
    groupId: async (text) =>
      (await api.job(await api.queue.addJob({ jobType: 'a', payload: {}, group: { id: text } }))).groupId,
    groupTier: async (text) =>
      (await api.job(await api.queue.addJob({ jobType: 'a', payload: {}, group: { id: 'g', tier: text } }))).groupTier,
    tenantId: async (text) =>
      (await api.job(await api.queue.addJob({ jobType: 'a', payload: {}, tenantId: text }))).tenantId,
    deadLetterJobType: async (text) =>
      (await api.job(await api.queue.addJob({ jobType: 'a', payload: {}, deadLetterJobType: text }))).deadLetterJobType,
    scheduleName: async (text) => {
      const id = await api.queue.addCronJob({
        scheduleName: text,
        cronExpression: '0 0 * * *',
        jobType: 'a',
        payload: {},
      })
      const schedule = await api.queue.getCronJob(id)
      await api.queue.removeCronJob(id)
      return schedule?.scheduleName
    },
    'a tag that is looked for': async (text) => {
      await api.queue.addJob({ jobType: 'a', payload: {}, tags: [text] })
      return (await api.queue.getJobsByTags([text], 'exact'))[0]?.tags?.[0]
    },
    'a token’s tag': async (text) => {
      const { id } = await api.queue.createToken({ tags: [text] })
      return (await api.queue.getToken(id))?.tags?.[0]
    },
  }

  const isWhole = async (): Promise<void> => {
    expect(await api.queue.checkInvariants()).toEqual([])
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
    expect(Reflect.get({}, 'polluted')).toBeUndefined()
  }

  describe.each(Object.entries(fields))('in %s', (_name, add) => {
    test('SQL, templates and names of properties come back as they were given', async () => {
      for (const text of HOSTILE) {
        expect([text, 'OPTION_INVALID']).toContain(await add(text).catch(codeOf))
      }
      await isWhole()
    })

    test('what PostgreSQL cannot store, nothing, and too much are refused with a code, before anything is sent', async () => {
      const [{ count: before } = { count: 0 }] = await api.sql('select count(*)::integer as count from :schema.jobs')
      for (const text of [...UNSTORABLE, '', 'x'.repeat(10_000)]) {
        await expect(add(text)).rejects.toMatchObject({ code: 'OPTION_INVALID' })
      }
      expect(await api.sql('select count(*)::integer as count from :schema.jobs')).toEqual([{ count: before }])
    })
  })

  test.each(['constructor', '__proto__', 'toString', 'hasOwnProperty', 'valueOf'])(
    'a job type %s without a handler is never completed, and one with a handler runs it',
    async (jobType) => {
      const id = await api.queue.addJob({ jobType, payload: {}, maxAttempts: 1 })
      await api.run({ other: () => undefined })
      expect(await api.job(id)).toMatchObject({ status: 'failed', failureReason: 'no_handler' })
      const handled: unknown[] = []
      const handlers: Record<string, JobHandler> = Object.fromEntries([
        [jobType, (payload) => void handled.push(payload)],
      ])
      const second = await api.queue.addJob({ jobType, payload: { n: 1 } })
      await api.run(handlers)
      expect(await api.job(second)).toMatchObject({ status: 'completed' })
      expect(handled).toEqual([{ n: 1 }])
    },
  )

  test('payloads with the names of prototypes are data', async () => {
    const payload: unknown = JSON.parse(
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"toString":"t","a":[{"__proto__":[]}]}',
    )
    const seen: string[] = []
    const id = await api.queue.addJob({ jobType: 'a', payload })
    await api.run({ a: (given) => void seen.push(sorted(given)) })
    expect(seen).toEqual([sorted(payload)])
    expect(sorted((await api.job(id)).payload)).toBe(sorted(payload))
    await isWhole()
  })

  test('whatever a payload is, it is delivered or refused by name, and a batch is all or nothing', async () => {
    let deep: unknown = 1
    for (let depth = 0; depth < 6000; depth++) deep = { d: deep }
    const cyclic: Record<string, unknown> = {}
    cyclic['self'] = cyclic
    const refused: readonly unknown[] = [
      10n,
      Symbol('s'),
      () => 1,
      { at: Number.NaN },
      { at: Number.POSITIVE_INFINITY },
      { text: 'nul \0' },
      { 'nul \0': 1 },
      { text: '\ud800' },
      cyclic,
      deep,
      'x'.repeat(2_000_000),
      {
        toJSON: () => {
          throw new Error('no')
        },
      },
      {
        get boom(): never {
          throw new Error('no')
        },
      },
    ]
    for (const payload of refused) {
      const jobs = Array.from({ length: 5 }, (_, n) => ({ jobType: 'a', payload: n === 3 ? payload : { n } }))
      await expect(api.queue.addJobs(jobs)).rejects.toMatchObject({
        code: expect.stringMatching(/^PAYLOAD_(INVALID|TOO_LARGE)$/),
        details: { field: expect.stringContaining('jobs[3]') },
      })
    }
    expect(await api.queue.getAllJobs()).toEqual([])
    const wide = Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`k${n}`, n]))
    const id = await api.queue.addJob({ jobType: 'a', payload: wide })
    expect((await api.job(id)).payload).toEqual(wide)
  })

  test('numbers that make no sense are refused', async () => {
    const odd = [Number.NaN, Number.POSITIVE_INFINITY, 1.5, 1e12, -1, '5', {}, []]
    for (const option of ['maxAttempts', 'timeoutMs', 'retryDelay', 'retryDelayMax'] as const) {
      for (const value of odd.filter((candidate) => !(option === 'retryDelay' && candidate === 1.5))) {
        const job = { jobType: 'a', payload: {}, [option]: value }
        const read = await api.queue.addJob(job as never).then(async (id) => (await api.job(id))[option], codeOf)
        expect([value, 'OPTION_INVALID']).toContain(read)
      }
    }
  })

  test('whatever a handler throws is recorded, and the worker goes on', async () => {
    const cyclic = new Error('cyclic')
    cyclic.cause = cyclic
    const thrown: readonly unknown[] = [
      'a string',
      undefined,
      null,
      7,
      Symbol('s'),
      10n,
      Object.freeze(new Error('frozen')),
      Object.create(null),
      Object.defineProperty(new Error('x'), 'message', {
        get: () => {
          throw new Error('no message')
        },
      }),
      cyclic,
      new Error('m'.repeat(2_000_000)),
      new Error('nul \0 and half \ud800'),
      new Proxy(
        {},
        {
          get: () => {
            throw new Error('trap')
          },
        },
      ),
      {
        message: {
          toString: () => {
            throw new Error('no')
          },
        },
      },
    ]
    const ids = await api.queue.addJobs(thrown.map((_, n) => ({ jobType: 'a', payload: n, maxAttempts: 1 })))
    const last = await api.queue.addJob({ jobType: 'a', payload: -1 })
    await api.run(
      {
        a: (n) => {
          // oxlint-disable-next-line typescript/only-throw-error -- that is what is tried here
          if (Number(n) >= 0) throw thrown[Number(n)]
        },
      },
      { batchSize: 100 },
    )
    for (const id of ids) {
      const job = await api.job(id)
      expect(job).toMatchObject({ status: 'failed', attempts: 1 })
      expect(job.errorHistory.at(-1)?.message.length).toBeLessThan(20_000)
    }
    expect(await api.job(last)).toMatchObject({ status: 'completed' })
    await isWhole()
  })

  test('filters, ids and orders that make no sense find nothing or are refused, and change nothing', async () => {
    const id = await api.queue.addJob({ jobType: 'a', payload: {}, tags: ['kept'] })
    for (const text of HOSTILE) {
      expect(await api.queue.getJobs({ jobType: text })).toEqual([])
      expect(await api.queue.cancelAllUpcomingJobs({ tags: { values: [text] } })).toBe(0)
      expect(await api.queue.redrive({ jobType: text })).toEqual([])
    }
    for (const bad of [Number.NaN, -1, 1.5, 2 ** 60, '1; drop table x', null, {}]) {
      expect([null, 'OPTION_INVALID']).toContain(await api.queue.getJob(bad as never).catch(codeOf))
    }
    await expect(api.queue.getJobs({ 'id; drop': 1 } as never)).rejects.toMatchObject({ code: 'OPTION_INVALID' })
    expect(await api.job(id)).toMatchObject({ status: 'pending' })
  })
})
