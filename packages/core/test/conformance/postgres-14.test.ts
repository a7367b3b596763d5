import { afterAll, describe, test } from 'vitest'
import { runConformance } from '../../src/conformance/index.ts'
import { openPostgresTarget } from '../support/postgres-target.ts'

const url = process.env['MILLRACE_TEST_PG14_URL']

describe.skipIf(url === undefined)('the contract on PostgreSQL 14', () => {
  let target: ReturnType<typeof openPostgresTarget> | undefined
  runConformance({
    name: 'PostgreSQL 14',
    // A name that needs quotes, and could not be a channel's.
    openStore: () => (target ??= openPostgresTarget(url ?? '', 'Mill Race 14')),
    test,
  })
  afterAll(async () => (await target)?.close())
})
