import { userInfo } from 'node:os'
import type { Command } from 'commander'
import type { LaneRecord, Pause, PauseScope } from 'millrace'
import { EXIT } from '../failure.ts'
import { dueOf, refused } from '../job-values.ts'
import type { Cell } from '../layout.ts'
import { scopeText } from '../pause-text.ts'
import { withQueue } from '../session.ts'
import { shortened, timeText } from '../text.ts'
import { duration, positive, time } from '../values.ts'

interface ScopeOptions {
  readonly type?: string
  readonly queue?: string
  readonly group?: string
  readonly tenant?: string
  readonly all?: true
}

interface PauseCommandOptions extends ScopeOptions {
  readonly reason?: string
  readonly by?: string
  readonly for?: number
  readonly until?: Date
}

export function addPauseCommands(program: Command): void {
  scopeOptions(program.command('pause').description('let no job of a type, queue, group or tenant start'))
    .option('--reason <text>', 'why; explain repeats it')
    .option('--by <name>', 'who (default: the user of this machine)')
    .option('--for <duration>', 'until so long from now (default: until it is resumed)', duration)
    .option('--until <time>', 'until this time, in ISO 8601', time)
    .action(async (options: PauseCommandOptions, command: Command) => {
      const scope = scopeOf(options)
      const until = untilOf(options)
      const { reason, by = userInfo().username } = options
      await withQueue(command, async ({ queue, output }) => {
        await queue.pause(scope, { by, ...(reason !== undefined && { reason }), ...(until !== undefined && { until }) })
        output.result({ scope, until: until ?? null, paused: true }, () => {
          output.line('paused:', scopeText(scope), until === undefined ? '' : `until ${timeText(until)}`)
          output.line('What runs already runs on. Next: millrace resume with the same options')
        })
      })
    })
  scopeOptions(
    program.command('resume').description('end a pause, named as it was made; exit code 1 if there was none'),
  ).action(async (options: ScopeOptions, command: Command) => {
    const scope = scopeOf(options)
    await withQueue(command, async ({ queue, output }) => {
      const resumed = await queue.resume(scope)
      output.result({ scope, resumed }, () => {
        if (resumed) output.line('resumed:', scopeText(scope))
        else output.line({ text: 'not paused:', colour: 'red' }, `${scopeText(scope)}; millrace queues shows what is`)
      })
      return resumed ? EXIT.ok : EXIT.finding
    })
  })
  program
    .command('queues')
    .description('list queues and groups that have jobs, and what is paused')
    .option('--tenant <id>', 'of this tenant')
    .option('--limit <n>', 'at most so many with waiting jobs', positive, 50)
    .action(async (options: { readonly tenant?: string; readonly limit: number }, command: Command) => {
      await withQueue(command, async ({ queue, output }) => {
        const filter = { limit: options.limit, tenantId: options.tenant }
        const [lanes, pauses] = await Promise.all([queue.getLanes(filter), queue.getPauses()])
        output.result({ lanes, pauses }, () => {
          const headings = ['KIND', 'NAME', 'TENANT', 'PLACES', 'RUNNING', 'WAITING', 'NEXT']
          output.table(headings, lanes.map(laneCells), 'No queue or group has jobs.')
          output.line('')
          output.table(['PAUSED', 'SINCE', 'UNTIL', 'BY', 'REASON'], pauses.map(pauseCells), 'Nothing is paused.')
        })
      })
    })
}

function scopeOptions(command: Command): Command {
  return command
    .option('--type <type>', 'jobs of this type')
    .option('--queue <name>', 'jobs of this queue')
    .option('--group <id>', 'jobs of this group')
    .option('--tenant <id>', 'jobs of this tenant; with --queue or --group, those of that tenant')
    .option('--all', 'every job')
}

/** @throws MillraceError `OPTION_INVALID`: a forgotten option must not stop everything. */
function scopeOf({ type, queue, group, tenant, all }: ScopeOptions): PauseScope {
  const scope = {
    ...(type !== undefined && { jobType: type }),
    ...(queue !== undefined && { queue }),
    ...(group !== undefined && { group }),
    ...(tenant !== undefined && { tenantId: tenant }),
  }
  const isEmpty = Object.keys(scope).length === 0
  if (isEmpty && all !== true)
    throw refused('--type', 'No option says which jobs: --type, --queue, --group, --tenant or --all.')
  if (!isEmpty && all === true) throw refused('--all', 'Either --all or what narrows it, not both.')
  return scope
}

function untilOf({ for: durationMs, until }: PauseCommandOptions): Date | undefined {
  if (durationMs !== undefined && until !== undefined)
    throw refused('--for', 'Either --for or --until says when it ends, not both.')
  return dueOf({ ...(durationMs !== undefined && { in: durationMs }), ...(until !== undefined && { at: until }) })
}

function laneCells(lane: LaneRecord): readonly Cell[] {
  const waiting = `${lane.waiting}${lane.isWaitingBounded ? '+' : ''}`
  const { kind, name, tenantId, active, limit, running, nextId } = lane
  return [kind, shortened(name, 40), tenantId ?? '-', `${active}/${limit ?? '-'}`, running, waiting, nextId ?? '-']
}

function pauseCells({ scope, pausedAt, until, by, reason }: Pause): readonly Cell[] {
  return [scopeText(scope), timeText(pausedAt), timeText(until), by ?? '-', shortened(reason ?? '', 80)]
}
