import { describe, expect, test } from 'vitest'
import { validateFilters } from './filters.ts'
import { JOB_QUERY_TERMS, parseJobQuery } from './job-query.ts'

const NOW = new Date('2026-11-25T12:00:00Z')
const HOUR_MS = 3_600_000
const parse = (query: string): object => parseJobQuery(query, NOW)

describe('a query of jobs', () => {
  test.each([
    ['', {}],
    ['  status:failed ', { status: 'failed' }],
    ['status:failed,waiting', { status: ['failed', 'waiting'] }],
    ['is:dead', { status: 'failed', final: true }],
    ['is:retrying type:mail', { status: 'failed', final: false, jobType: 'mail' }],
    ['mail.send', { jobType: 'mail.send' }],
    ['type:mail,sms', { jobType: ['mail', 'sms'] }],
    ['jobType:mail', { jobType: 'mail' }],
    ['42', { ids: [42] }],
    ['42,43 id:44', { ids: [42, 43, 44] }],
    ['tag:vip', { tags: { values: ['vip'], mode: 'all' } }],
    ['tag:vip tag:eu', { tags: { values: ['vip', 'eu'], mode: 'all' } }],
    ['tag:vip,eu', { tags: { values: ['vip', 'eu'], mode: 'any' } }],
    ['-tag:vip -tag:eu', { tags: { values: ['vip', 'eu'], mode: 'none' } }],
    ['group:customer-7 tenant:acme priority:-2', { groupId: 'customer-7', tenantId: 'acme', priority: -2 }],
    ['group:"a b, \\"c\\": d"', { groupId: 'a b, "c": d' }],
    ['type:"a:b",c', { jobType: ['a:b', 'c'] }],
    ['"http://x"', { jobType: 'http://x' }],
    ['created:>-2h', { createdAt: { gt: new Date(NOW.getTime() - 2 * HOUR_MS) } }],
    ['due:<=+1d', { runAt: { lte: new Date(NOW.getTime() + 24 * HOUR_MS) } }],
    [
      'created:>=2026-01-31 created:<2026-02-01T09:00:00Z',
      { createdAt: { gte: new Date('2026-01-31'), lt: new Date('2026-02-01T09:00:00Z') } },
    ],
  ])('%s', (query, filters) => {
    expect(parse(query)).toEqual(filters)
    expect(() => validateFilters(filters)).not.toThrow()
  })

  test.each([
    ['colour:red', 'status, is, type'],
    ['status:done', 'pending, processing'],
    ['status:failed status:waiting', 'named once'],
    ['is:alive', 'is:dead'],
    ['is:dead status:failed', 'beside'],
    ['-status:failed', 'only a tag'],
    ['type:', 'follows the colon'],
    ['tag:a -tag:b', 'in one way'],
    ['tag:a tag:b,c', 'in one way'],
    ['group:a,b', 'one value'],
    ['priority:high', 'whole number'],
    ['id:0', 'number of a job'],
    ['created:2026-01-31', 'behind one of'],
    ['created:>2h', 'it is a time'],
    ['created:>2026-13-41', 'it is a time'],
    ['created:>-1h created:>-2h', 'once'],
    ['group:"a', 'closed'],
    ['group:"a"b"', 'closed'],
  ])('%s is refused: %s', (query, why) => {
    expect(() => parse(query)).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
    expect(() => parse(query)).toThrow(why)
  })

  test('whatever the help names is understood', () => {
    for (const [term, meaning] of JOB_QUERY_TERMS) {
      const examples = [term, ...[...meaning.matchAll(/`([^`]+)`/g)].map(([, one = '']) => one)]
      for (const example of examples.filter((one) => /\w/.test(one))) expect(() => parse(example)).not.toThrow()
    }
  })
})
