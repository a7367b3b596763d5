import { describe, expect, test } from 'vitest'
import { runModel } from '../../core/test/model/suite.ts'
import { openRedisTarget } from './support/target.ts'

const url = process.env['MILLRACE_TEST_REDIS_URL']

describe.skipIf(url === undefined)('Redis', () => {
  test('does what the model of a queue does, whatever happens to it', { timeout: 900_000 }, async () => {
    const target = await openRedisTarget(url ?? '', 'model:')
    try {
      await expect(runModel(target)).resolves.toBeUndefined()
    } finally {
      await target.close()
    }
  })
})
