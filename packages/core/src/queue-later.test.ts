import { describe, expect, it } from 'vitest'
import * as millrace from './index.ts'
import { laterMethods } from './queue-later.ts'

const refusal = (method: string): object => ({
  name: 'MillraceError',
  code: 'NOT_YET',
  message: `${method}() is not available in this version`,
  details: { field: method },
})

const QUEUE_METHODS = Object.keys(laterMethods())

const BACKEND_METHODS = [
  'waitJob',
  'updateStepData',
  'createWaitpoint',
  'completeWaitpoint',
  'getWaitpoint',
  'expireTimedOutWaitpoints',
]

/** Calls the method without arguments and without a database to ask. */
async function call(owner: object, method: string): Promise<unknown> {
  const result: unknown = Reflect.get(owner, method)()
  expect(result).toBeInstanceOf(Promise)
  return result
}

describe('what comes later is there, and rejects by its name', () => {
  it.each(QUEUE_METHODS)('queue.%s', async (method) => {
    await using queue = millrace.initJobQueue({
      databaseConfig: { connectionString: 'postgres://nobody@127.0.0.1:1/x' },
    })
    await expect(call(queue, method)).rejects.toMatchObject(refusal(method))
  })

  it.each(BACKEND_METHODS)('backend.%s', async (method) => {
    const pool = {
      connect: () => Promise.reject(new Error('no database')),
      query: () => Promise.reject(new Error('none')),
    }
    const backend = new millrace.PostgresBackend(pool as never)
    await expect(call(backend, method)).rejects.toMatchObject(refusal(method))
  })

  it('the Redis backend, once it is told of a server', () => {
    const expected = expect.objectContaining({
      code: 'NOT_YET',
      details: expect.objectContaining({ field: 'backend' }),
    })
    expect(() => millrace.initJobQueue({ backend: 'redis', redisConfig: { url: 'redis://127.0.0.1' } })).toThrow(
      expected,
    )
    expect(() => millrace.initJobQueue({ backend: 'redis', client: {}, keyPrefix: 'dq:' })).toThrow(expected)
    expect(() => millrace.initJobQueue({ backend: 'redis' })).toThrow(
      'Redis backend requires either "redisConfig" or "client" to be provided.',
    )
  })
})
