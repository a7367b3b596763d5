import { describe, expect, it } from 'vitest'
import * as millrace from './index.ts'

describe('what comes later is refused by its name', () => {
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
