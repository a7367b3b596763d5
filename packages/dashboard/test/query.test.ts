import { parseJobQuery } from 'millrace'
import { expect, test } from 'vitest'
import { completions, queryIn, statusesIn, withStatus } from '../ui/query.ts'

test.each([
  ['', ''],
  ['q=mail.send', 'mail.send'],
  ['status=failed&jobType=mail.send', 'status:failed type:mail.send'],
  ['status=failed&final=true', 'is:dead'],
  ['status=failed&final=false&q=42', '42 is:retrying'],
  ['tag=a,b c&groupId=x:y&tenantId=acme&priority=3', 'tag:a tag:"b c" group:"x:y" tenant:acme priority:3'],
  ['createdAfter=2026-01-31T09:00:00Z&createdBefore=2026-02-01', 'created:>=2026-01-31T09:00:00Z created:<2026-02-01'],
])('the address %s asks for %s, which the server understands', (address, query) => {
  expect(queryIn(new URLSearchParams(address))).toBe(query)
  expect(() => parseJobQuery(query)).not.toThrow()
})

test('a state takes the place of the ones before, and nothing else is touched', () => {
  expect(withStatus('tag:"status:x y" is:dead type:a', 'waiting')).toBe('status:waiting tag:"status:x y" type:a')
  expect(withStatus('status:failed,waiting a', '')).toBe('a')
  expect(statusesIn('a status:failed,waiting')).toEqual(['failed', 'waiting'])
  expect(statusesIn('is:dead')).toEqual(['failed'])
  expect(statusesIn('"status:failed"')).toEqual([])
})

test('the last term is completed, with what stands before it kept', () => {
  const known = { statuses: ['failed', 'waiting'], types: ['mail.send', 'a b'] }
  expect(completions('tag:x stat', known)).toEqual(['tag:x status:', 'tag:x status:failed', 'tag:x status:waiting'])
  expect(completions('type:', known)).toEqual(['type:mail.send', 'type:"a b"'])
  expect(completions('status:failed', known)).toEqual([])
})
