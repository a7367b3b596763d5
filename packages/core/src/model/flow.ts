import { MillraceError } from '../errors.ts'
import { describe, isRecord, refuseOption } from './check.ts'
import { batchDepRef } from './dependencies.ts'
import type { JobDependsOn } from './job.ts'
import type { AnyJobOptions, JobOptions, JobType } from './options.ts'

/** What a job of a flow waits for: other jobs of the flow by name, and whatever any job can wait for. */
export interface FlowDependsOn extends JobDependsOn {
  /** Names of other nodes of the same flow, in whatever order they are given. */
  readonly nodes?: readonly string[] | undefined
}

/** One job of a flow. */
export type FlowNode<PayloadMap = Record<string, unknown>, T extends JobType<PayloadMap> = JobType<PayloadMap>> = Omit<
  JobOptions<PayloadMap, T>,
  'dependsOn'
> & { readonly dependsOn?: FlowDependsOn | undefined }

/** The jobs of a flow in an order in which each comes after those it waits for. */
export interface FlowPlan {
  readonly names: readonly string[]
  /** In the order of `names`, as `addJobs` takes them. */
  readonly jobs: readonly AnyJobOptions[]
}

/**
 * Puts the nodes of a flow in order. Pure.
 *
 * @throws MillraceError `OPTION_INVALID` for a name that no node has, or a cycle, which it names.
 */
export function planFlow(nodes: Readonly<Record<string, FlowNode>>): FlowPlan {
  if (!isRecord(nodes))
    return refuseOption('nodes', nodes, 'an object of jobs by name', 'Pass `{ name: { jobType, payload } }`')
  const names = orderNodes(nodes)
  const places = new Map(names.map((name, index) => [name, index]))
  return {
    names,
    jobs: names.map((name) => {
      const { dependsOn, ...job } = nodeOf(nodes, name)
      if (dependsOn === undefined) return job
      const { nodes: before = [], jobIds = [], ...others } = dependsOn
      const references = before.map((other) => batchDepRef(places.get(other) ?? 0))
      return { ...job, dependsOn: { ...others, jobIds: [...references, ...jobIds] } }
    }),
  }
}

function nodeOf(nodes: Readonly<Record<string, FlowNode>>, name: string): FlowNode {
  const node: unknown = nodes[name]
  if (!isRecord(node)) return refuseOption(`nodes.${name}`, node, 'an object', 'Pass `{ jobType, payload }`')
  return nodes[name] as FlowNode
}

function namesBefore(nodes: Readonly<Record<string, FlowNode>>, name: string): readonly string[] {
  const field = `nodes.${name}.dependsOn.nodes`
  const before: unknown = nodeOf(nodes, name).dependsOn?.nodes ?? []
  if (!Array.isArray(before)) return refuseOption(field, before, 'an array of names', 'Pass `[name]`')
  return before.map((other: unknown) => {
    if (typeof other === 'string' && Object.hasOwn(nodes, other)) return other
    const remedy = `Nodes of this flow: ${Object.keys(nodes).slice(0, 20).join(', ')}`
    throw new MillraceError(
      'OPTION_INVALID',
      `\`${field}\` names ${describe(other)}, which the flow does not have. ${remedy}.`,
      {
        details: { field, value: other, remedy },
      },
    )
  })
}

/** Depth first, without recursion: a flow may be a chain of any length. */
function orderNodes(nodes: Readonly<Record<string, FlowNode>>): string[] {
  const ordered: string[] = []
  const done = new Set<string>()
  for (const start of Object.keys(nodes)) {
    if (done.has(start)) continue
    const path = [start]
    const onPath = new Set(path)
    const left = [namesBefore(nodes, start).values()]
    while (path.length > 0) {
      const name = path.at(-1) ?? start
      const next = left.at(-1)?.next()
      if (next === undefined || next.done === true) {
        path.pop()
        left.pop()
        onPath.delete(name)
        done.add(name)
        ordered.push(name)
      } else if (onPath.has(next.value)) {
        refuseCycle([...path.slice(path.indexOf(next.value)), next.value])
      } else if (!done.has(next.value)) {
        path.push(next.value)
        onPath.add(next.value)
        left.push(namesBefore(nodes, next.value).values())
      }
    }
  }
  return ordered
}

function refuseCycle(cycle: readonly string[]): never {
  const field = `nodes.${cycle[0] ?? ''}.dependsOn.nodes`
  const remedy = 'Let one of them not wait for the other'
  const shown = cycle.length > 20 ? [...cycle.slice(0, 10), '…', ...cycle.slice(-9)] : cycle
  throw new MillraceError('OPTION_INVALID', `The flow would wait for itself: ${shown.join(' → ')}. ${remedy}.`, {
    details: { field, value: cycle, remedy },
  })
}
