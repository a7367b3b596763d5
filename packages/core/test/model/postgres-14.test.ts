import { describe, expect, test } from 'vitest'
import { openPostgresTarget } from '../support/postgres-target.ts'
import { runModel } from './suite.ts'

const url = process.env['MILLRACE_TEST_PG14_URL']

describe.skipIf(url === undefined)('PostgreSQL 14', () => {
  test('does what the model of a queue does, whatever happens to it', { timeout: 900_000 }, async () => {
    const target = await openPostgresTarget(url ?? '', 'model_14')
    try {
      await expect(runModel(target)).resolves.toBeUndefined()
    } finally {
      await target.close()
    }
  })
})
