import { expect, test } from 'vitest'
import type { GraphNodeRow } from '../src/wire.ts'
import { BOX, layout } from '../ui/graph-layout.ts'

const node = (id: number, jobType = 'work'): GraphNodeRow => ({
  id,
  jobType,
  status: 'pending',
  isRetrying: false,
  progress: null,
  startedAt: null,
  endedAt: null,
  tenantId: null,
})

test('each job is to the right of all that it waits for, and no two boxes overlap', () => {
  const nodes = [1, 2, 3, 4, 5, 6].map((id) => node(id, `t${id}`))
  const edges = [
    [3, 1],
    [3, 2],
    [4, 3],
    [5, 3],
    [6, 4],
    [6, 5],
    [6, 1],
  ] as const
  const { boxes, lines, width, height } = layout({ nodes, edges, isCut: false }, 1)
  expect(lines.length).toBe(edges.length)
  for (const { from, to } of lines) expect(to.x).toBeGreaterThan(from.x + BOX.width)
  for (const [at, one] of boxes.entries()) {
    expect(one.x + BOX.width).toBeLessThanOrEqual(width)
    expect(one.y + BOX.height).toBeLessThanOrEqual(height)
    for (const other of boxes.slice(at + 1))
      expect(one.x === other.x && Math.abs(one.y - other.y) < BOX.height).toBe(false)
  }
})

test('many alike are one box, the one that is looked at is its own', () => {
  const nodes = [...Array.from({ length: 40 }, (_, at) => node(at + 1)), node(41, 'collect')]
  const edges = Array.from({ length: 40 }, (_, at) => [41, at + 1] as const)
  expect(layout({ nodes, edges, isCut: false }, 41).boxes.map(({ jobs }) => jobs.length)).toEqual([40, 1])
  expect(
    layout({ nodes, edges, isCut: false }, 7)
      .boxes.map(({ jobs }) => jobs.length)
      .toSorted((a, b) => a - b),
  ).toEqual([1, 1, 39])
})

test('crossings are avoided where they can be', () => {
  const nodes = ['a', 'b', 'c', 'd'].map((name, at) => node(at + 1, name))
  const { boxes } = layout(
    {
      nodes,
      edges: [
        [3, 2],
        [4, 1],
      ],
      isCut: false,
    },
    1,
  )
  const y = new Map(boxes.map((box) => [box.id, box.y]))
  expect((y.get(1) ?? 0) < (y.get(2) ?? 0)).toBe((y.get(4) ?? 0) < (y.get(3) ?? 0))
})
