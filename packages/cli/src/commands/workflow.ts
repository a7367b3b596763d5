import type { Command } from 'commander'
import { type GraphNode, MillraceError } from 'millrace'
import { statusCell } from '../job-cells.ts'
import { treeOf, type TreeLine } from '../job-tree.ts'
import type { Cell } from '../layout.ts'
import { withQueue } from '../session.ts'
import { durationText } from '../text.ts'
import { positive } from '../values.ts'

export function addWorkflowCommand(program: Command): void {
  program
    .command('wf')
    .description('draw the jobs that a job waits for and that wait for it, with their statuses')
    .argument('<id>', 'job id', positive)
    .option('--limit <n>', 'at most so many jobs, up to 500', positive, 150)
    .action(async (id: number, { limit }: { readonly limit: number }, command: Command) => {
      await withQueue(command, async ({ queue, output }) => {
        const graph = await queue.getJobGraph(id, { limit })
        if (graph === null) throw new MillraceError('JOB_NOT_FOUND', `There is no job ${id}.`)
        output.result(graph, () => {
          for (const line of treeOf(graph)) output.line(...lineCells(line, id))
          if (graph.isCut) output.line('There are more; for more: --limit')
        })
      })
    })
}

function lineCells({ branches, node, also, isRepeated }: TreeLine, asked: number): readonly Cell[] {
  const { id, jobType } = node
  const name: Cell = id === asked ? { text: `${id} ${jobType}`, colour: 'bold' } : `${id} ${jobType}`
  if (isRepeated) return [`${branches}${id}`, { text: `${jobType} (above)`, colour: 'dim' }]
  const waits: readonly Cell[] =
    also.length === 0 ? [] : [{ text: `(also waits for ${also.join(', ')})`, colour: 'dim' }]
  const left: readonly Cell[] = branches === '' ? [] : [branches.trimEnd()]
  return [...left, name, statusCell(node.status), ...details(node), ...waits]
}

function details({ status, isRetrying, progress, startedAt, endedAt }: GraphNode): readonly Cell[] {
  if (isRetrying) return ['will retry']
  if (status === 'processing') return progress === null ? [] : [`${progress}%`]
  if (startedAt === null || endedAt === null) return []
  return [{ text: durationText(endedAt.getTime() - startedAt.getTime()), colour: 'dim' }]
}
