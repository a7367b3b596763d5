import type { GraphNode, JobGraph } from 'millrace'

/** One line of a drawn graph. */
export interface TreeLine {
  /** The branches to the left of the job. */
  readonly branches: string
  readonly node: GraphNode
  /** What else it waits for, besides the job above it. */
  readonly also: readonly number[]
  /** Whether it, and what waits for it, stand further up. */
  readonly isRepeated: boolean
}

/**
 * A graph as a tree: who waits stands below whom it waits for. A job that waits for several stands below each, in full below the
 * first.
 */
export function treeOf({ nodes, edges }: JobGraph): readonly TreeLine[] {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const before = linked(edges, ([job, on]) => [job, on])
  const after = linked(edges, ([job, on]) => [on, job])
  const lines: TreeLine[] = []
  const drawn = new Set<number>()
  const draw = (
    id: number,
    parent: number | null,
    left: { readonly branches: string; readonly below: string },
  ): void => {
    const node = byId.get(id)
    if (node === undefined) return
    const isRepeated = drawn.has(id)
    const also = (before.get(id) ?? []).filter((other) => other !== parent)
    lines.push({ branches: left.branches, node, also, isRepeated })
    if (isRepeated) return
    drawn.add(id)
    const next = after.get(id) ?? []
    next.forEach((child, index) => {
      const isLast = index === next.length - 1
      draw(child, id, {
        branches: `${left.below}${isLast ? '└─ ' : '├─ '}`,
        below: `${left.below}${isLast ? '   ' : '│  '}`,
      })
    })
  }
  for (const { id } of nodes) if (!before.has(id)) draw(id, null, { branches: '', below: '' })
  return lines
}

type Edge = JobGraph['edges'][number]

function linked(edges: readonly Edge[], ends: (edge: Edge) => readonly [number, number]): Map<number, number[]> {
  const links = new Map<number, number[]>()
  for (const [from, to] of edges.map(ends))
    links.set(
      from,
      [...(links.get(from) ?? []), to].toSorted((a, b) => a - b),
    )
  return links
}
