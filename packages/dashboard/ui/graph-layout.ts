import type { GraphNodeRow, GraphView } from '../src/wire.ts'

/** A box of the picture: a job, or many that stand for the same thing. */
export interface Box {
  /** Of the first of its jobs. */
  readonly id: number
  readonly jobs: readonly GraphNodeRow[]
  readonly x: number
  readonly y: number
}

export interface Line {
  readonly from: Box
  readonly to: Box
}

export interface Layout {
  readonly boxes: readonly Box[]
  readonly lines: readonly Line[]
  readonly width: number
  readonly height: number
}

export const BOX = { width: 190, height: 52, gapX: 64, gapY: 16 } as const
const MARGIN = 10
/** So many alike are drawn as one. */
const ALIKE = 5
const SWEEPS = 6

interface Place {
  readonly id: number
  readonly jobs: readonly GraphNodeRow[]
  readonly before: Set<number>
  readonly after: Set<number>
}

/** Puts jobs in columns, each to the right of all that it waits for, in an order with few crossings. Pure. */
export function layout({ nodes, edges }: GraphView, current: number): Layout {
  const places = merged(nodes, edges, current)
  const columns = columnsOf(places)
  for (let sweep = 0; sweep < SWEEPS; sweep++) settle(columns, sweep % 2 === 0 ? 'before' : 'after')
  const tallest = Math.max(1, ...columns.map((column) => column.length))
  const pitch = BOX.height + BOX.gapY
  const boxes = new Map<number, Box>()
  for (const [at, column] of columns.entries()) {
    const top = MARGIN + ((tallest - column.length) * pitch) / 2
    for (const [row, { id, jobs }] of column.entries())
      boxes.set(id, { id, jobs, x: MARGIN + at * (BOX.width + BOX.gapX), y: top + row * pitch })
  }
  const lines = places.flatMap(({ id, before }) =>
    [...before].flatMap((from) => {
      const [start, end] = [boxes.get(from), boxes.get(id)]
      return start === undefined || end === undefined ? [] : [{ from: start, to: end }]
    }),
  )
  return {
    boxes: [...boxes.values()],
    lines,
    width: 2 * MARGIN + columns.length * (BOX.width + BOX.gapX) - BOX.gapX,
    height: 2 * MARGIN + tallest * pitch - BOX.gapY,
  }
}

/** Jobs of one type that wait for the same and are waited for by the same become one place, if they are many. */
function merged(nodes: GraphView['nodes'], edges: GraphView['edges'], current: number): Place[] {
  const sides = new Map(nodes.map(({ id }) => [id, { before: new Set<number>(), after: new Set<number>() }]))
  for (const [job, before] of edges) {
    sides.get(job)?.before.add(before)
    sides.get(before)?.after.add(job)
  }
  const alike = new Map<string, GraphNodeRow[]>()
  for (const node of nodes) {
    const { before, after } = sides.get(node.id) ?? { before: new Set(), after: new Set() }
    const sorted = (ids: Set<number>): string => [...ids].toSorted((a, b) => a - b).join()
    const isAlone = node.id === current || before.size + after.size === 0
    const key = isAlone ? `job ${node.id}` : JSON.stringify([node.jobType, sorted(before), sorted(after)])
    alike.set(key, [...(alike.get(key) ?? []), node])
  }
  const groups = [...alike.values()].flatMap((jobs) => (jobs.length >= ALIKE ? [jobs] : jobs.map((job) => [job])))
  const placeOf = new Map(groups.flatMap((jobs) => jobs.map(({ id }) => [id, jobs[0]?.id ?? id] as const)))
  return groups.map((jobs) => {
    const id = jobs[0]?.id ?? 0
    const there = (ids: Iterable<number> = []): Set<number> => new Set([...ids].map((one) => placeOf.get(one) ?? one))
    return { id, jobs, before: there(sides.get(id)?.before), after: there(sides.get(id)?.after) }
  })
}

/** By the longest way from a job that waits for none. */
function columnsOf(places: readonly Place[]): Place[][] {
  const byId = new Map(places.map((place) => [place.id, place]))
  const ranks = new Map<number, number>()
  const left = new Map(places.map(({ id, before }) => [id, [...before].filter((one) => byId.has(one)).length]))
  let free = places.filter(({ id }) => left.get(id) === 0)
  for (const { id } of free) ranks.set(id, 0)
  while (free.length > 0) {
    const next: Place[] = []
    for (const place of free) {
      for (const after of place.after) {
        ranks.set(after, Math.max(ranks.get(after) ?? 0, (ranks.get(place.id) ?? 0) + 1))
        left.set(after, (left.get(after) ?? 1) - 1)
        const waiting = byId.get(after)
        if (left.get(after) === 0 && waiting !== undefined) next.push(waiting)
      }
    }
    free = next
  }
  const columns: Place[][] = []
  for (const place of places) (columns[ranks.get(place.id) ?? 0] ??= []).push(place)
  return columns.filter((column) => column !== undefined)
}

/** Orders each column by the middle of what its places are linked to on one side. */
function settle(columns: Place[][], side: 'before' | 'after'): void {
  const rows = new Map(columns.flatMap((column) => column.map(({ id }, row) => [id, row - column.length / 2] as const)))
  const middle = (place: Place): number => {
    const linked = [...place[side]].flatMap((id) => rows.get(id) ?? [])
    return linked.length === 0 ? (rows.get(place.id) ?? 0) : linked.reduce((sum, row) => sum + row, 0) / linked.length
  }
  for (const column of columns) {
    const middles = new Map(column.map((place) => [place.id, middle(place)]))
    column.sort((one, other) => (middles.get(one.id) ?? 0) - (middles.get(other.id) ?? 0) || one.id - other.id)
    for (const [row, { id }] of column.entries()) rows.set(id, row - column.length / 2)
  }
}
