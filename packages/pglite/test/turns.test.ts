import { expect, test } from 'vitest'
import { Turns } from '../src/turns.ts'

function taken(turns: Turns<string, number>): string[] {
  const order: string[] = []
  for (let next = turns.take(); next !== undefined; next = turns.take()) order.push(`${next.session}${next.request}`)
  return order
}

test('sessions take turns, and the requests of one keep their order', () => {
  const turns = new Turns<string, number>()
  for (const n of [1, 2, 3]) turns.add('a', n)
  turns.add('b', 1)
  turns.add('c', 1)
  turns.add('b', 2)
  expect(taken(turns)).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3'])
  expect(turns.isEmpty).toBe(true)
})

test('whoever comes later waits for one request of each other session', () => {
  const turns = new Turns<string, number>()
  for (const n of [1, 2, 3]) turns.add('a', n)
  expect(turns.take()).toEqual({ session: 'a', request: 1 })
  turns.add('b', 1)
  expect(taken(turns)).toEqual(['a2', 'b1', 'a3'])
})

test('what is dropped never comes, and the others keep their turns', () => {
  const turns = new Turns<string, number>()
  for (const session of ['a', 'b']) for (const n of [1, 2, 3]) turns.add(session, n)
  turns.drop('a', (request) => request === 2)
  turns.drop('c')
  expect(turns.take()).toEqual({ session: 'a', request: 1 })
  turns.drop('b')
  expect(taken(turns)).toEqual(['a3'])
})
