import { expect, test } from 'vitest'
import { connectedIds } from './job-graph.ts'

const EDGES = [
  [3, 1],
  [3, 2],
  [4, 3],
  [9, 8],
] as const

test('a job belongs together with all that it is linked to, over whatever detour', () => {
  expect(connectedIds(1, EDGES, 10)).toEqual({ ids: [1, 3, 2, 4], isCut: false })
  expect(connectedIds(8, EDGES, 10)).toEqual({ ids: [8, 9], isCut: false })
  expect(connectedIds(7, EDGES, 10)).toEqual({ ids: [7], isCut: false })
})

test('beyond the most that is asked for the farthest are left out', () => {
  expect(connectedIds(1, EDGES, 3)).toEqual({ ids: [1, 3, 2], isCut: true })
})
