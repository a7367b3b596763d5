import { afterAll, describe, test } from 'vitest'
import { runConformance } from 'millrace/conformance'
import { openRedisTarget } from './support/target.ts'

const url = process.env['MILLRACE_TEST_REDIS_URL']

describe.skipIf(url === undefined)('the contract on Redis', () => {
  let target: ReturnType<typeof openRedisTarget> | undefined
  runConformance({
    name: 'Redis',
    openStore: () => (target ??= openRedisTarget(url ?? '', 'conformance:')),
    test,
    lacks: ['caller-transactions'],
  })
  afterAll(async () => (await target)?.close())
})
