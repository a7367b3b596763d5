import type { JobStatus } from './job.ts'

/** Who waits for whom. */
export interface JobEdges {
  /** `[job, the one it waits for]`. */
  readonly edges: readonly (readonly [number, number])[]
  /** Whether there were more than were read. */
  readonly isCut: boolean
}

/** A job in a picture of jobs that wait for each other. */
export interface GraphNode {
  readonly id: number
  readonly jobType: string
  readonly status: JobStatus
  /** Of a failure: whether it is tried again. */
  readonly isRetrying: boolean
  readonly progress: number | null
  readonly startedAt: Date | null
  readonly endedAt: Date | null
  readonly tenantId: string | null
}

/** A job with all that it waits for and all that wait for it, over whatever detour. */
export interface JobGraph {
  readonly nodes: readonly GraphNode[]
  readonly edges: readonly (readonly [number, number])[]
  /** Whether some are left out. */
  readonly isCut: boolean
}

/**
 * The ids of the jobs that belong together with `id`, nearest first, at most `most`. Pure.
 *
 * @param edges - `[job, the one it waits for]`
 */
export function connectedIds(
  id: number,
  edges: readonly (readonly [number, number])[],
  most: number,
): { readonly ids: readonly number[]; readonly isCut: boolean } {
  const neighbours = new Map<number, number[]>()
  const link = (from: number, to: number): void => {
    const known = neighbours.get(from)
    if (known === undefined) neighbours.set(from, [to])
    else known.push(to)
  }
  for (const [job, before] of edges) {
    link(job, before)
    link(before, job)
  }
  const found = new Set([id])
  for (const at of found) {
    for (const next of neighbours.get(at) ?? []) {
      if (found.has(next)) continue
      if (found.size >= most) return { ids: [...found], isCut: true }
      found.add(next)
    }
  }
  return { ids: [...found], isCut: false }
}
