import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import { type ConformanceNeed, runConformance } from 'millrace/conformance'
import { openRedisTarget } from './support/target.ts'

const GUIDE = new URL('../../../docs/guides/redis.md', import.meta.url)

/** What the suite leaves out here, by the row of the guide that says so. */
const LACKS = { 'caller-transactions': '`{ db }`' } as const satisfies Partial<Record<ConformanceNeed, string>>

const url = process.env['MILLRACE_TEST_REDIS_URL']

describe.skipIf(url === undefined)('the contract on Redis', () => {
  let target: ReturnType<typeof openRedisTarget> | undefined
  runConformance({
    name: 'Redis',
    openStore: () => (target ??= openRedisTarget(url ?? '', 'conformance:')),
    test,
    lacks: Object.keys(LACKS) as (keyof typeof LACKS)[],
  })
  test('the guide names what is refused here, which is what the suite leaves out', async () => {
    const { store } = await (target ??= openRedisTarget(url ?? '', 'conformance:'))
    const refused = readFileSync(GUIDE, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('|') && line.includes('`FEATURE_UNSUPPORTED`'))
    expect(refused.map((line) => line.split('|')[1]?.trim().split(',')[0])).toEqual(Object.values(LACKS))
    const { callerTransactions, ...others } = store.features
    expect([callerTransactions, Object.entries(others).filter(([, has]) => !has)]).toEqual([false, []])
  })
  afterAll(async () => (await target)?.close())
})
