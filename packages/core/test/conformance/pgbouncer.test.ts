import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runConformance } from '../../src/conformance/index.ts'
import { openPostgresTarget, type PostgresTarget } from '../support/postgres-target.ts'
import { hasPooler, startPooler, type TestPooler } from '../support/servers.ts'

const url = process.env['MILLRACE_TEST_PG18_URL']

describe.skipIf(url === undefined || !(await hasPooler()))('the contract through PgBouncer in transaction mode', () => {
  let pooler: TestPooler
  let target: PostgresTarget
  beforeAll(async () => {
    pooler = await startPooler(url ?? '')
    target = await openPostgresTarget(url ?? '', 'millrace_pooled', { storeUrl: pooler.url })
  })
  afterAll(async () => {
    await target.close()
    await pooler.stop()
  })

  test('the pooler is one that may lose what is prepared by name', () => {
    expect(pooler.version).toMatch(/^PgBouncer 1\.(1[89]|[2-9]\d)/)
  })

  runConformance({ name: 'PgBouncer', openStore: () => Promise.resolve(target), test })
})
