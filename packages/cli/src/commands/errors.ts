import { type Command, InvalidArgumentError } from 'commander'
import { type FailureGroup, MillraceError } from 'millrace'
import type { Cell } from '../layout.ts'
import { withQueue } from '../session.ts'
import { shortened, timeText } from '../text.ts'
import { positive } from '../values.ts'

interface ErrorsOptions {
  readonly type?: string
  readonly tenant?: string
  readonly limit: number
}

const NAMED_JOBS = 20

export function addErrorsCommand(program: Command): void {
  program
    .command('errors')
    .description('show the latest failures, grouped by their cause')
    .argument('[cause]', 'one cause in full, by its fingerprint or the beginning of it', fingerprint)
    .option('--type <type>', 'of this job type')
    .option('--tenant <id>', 'of this tenant')
    .option('--limit <n>', 'how many failures are read, up to 10,000', positive, 2000)
    .action(async (cause: string | undefined, options: ErrorsOptions, command: Command) => {
      await withQueue(command, async ({ queue, output }) => {
        const { type: jobType, tenant: tenantId, limit } = options
        const survey = await queue.getFailureGroups({ jobType, tenantId, limit })
        if (cause !== undefined) {
          const group = theGroup(survey.groups, cause)
          return output.result(group, () => output.pairs(groupPairs(group)))
        }
        return output.result(survey, () => {
          const headings = ['CAUSE', 'JOBS', 'FINAL', 'TYPE', 'LAST', 'JOB', 'ERROR']
          output.table(headings, survey.groups.map(groupCells), 'No job has failed.')
          if (survey.hasMore) output.line(`Of the latest ${survey.read} failures; for more: --limit`)
          const [first] = survey.groups
          if (first !== undefined) output.line(`Next: millrace errors ${first.fingerprint.slice(0, 8)}`)
        })
      })
    })
}

function fingerprint(text: string): string {
  if (!/^[0-9a-f]{1,16}$/.test(text)) throw new InvalidArgumentError('It must be up to 16 hexadecimal digits.')
  return text
}

/** @throws MillraceError `OPTION_INVALID` unless it is exactly one */
function theGroup(groups: readonly FailureGroup[], cause: string): FailureGroup {
  const [found, other] = groups.filter((group) => group.fingerprint.startsWith(cause))
  if (found !== undefined && other === undefined) return found
  const what = found === undefined ? 'No failure that was read has' : 'More than one has'
  throw new MillraceError('OPTION_INVALID', `${what} the cause ${cause}.`, {
    details: { field: 'cause', value: cause, remedy: 'see them all: millrace errors' },
  })
}

function groupCells(group: FailureGroup): readonly Cell[] {
  const { fingerprint: cause, count, final, jobType, lastAt, name, message } = group
  return [
    cause.slice(0, 8),
    count,
    { text: String(final), colour: final > 0 ? 'red' : 'dim' },
    shortened(jobType, 30),
    timeText(lastAt),
    group.jobIds[0] ?? '-',
    shortened(`${name === null || name === 'Error' ? '' : `${name}: `}${message}`, 80),
  ]
}

function groupPairs(group: FailureGroup): (readonly [string, Cell])[] {
  const named = (ids: readonly number[]): string =>
    `${ids.slice(0, NAMED_JOBS).join(' ')}${ids.length > NAMED_JOBS ? ' …' : ''}`
  return [
    ['cause', group.fingerprint],
    ['type', group.jobType],
    ['error', `${group.name ?? 'Error'}: ${group.message}`],
    ['place', group.frame ?? '-'],
    ['reason', group.reason ?? '-'],
    ['failures', `${group.count}, of which ${group.final} are not tried again`],
    ['first', timeText(group.firstAt)],
    ['last', timeText(group.lastAt)],
    ['jobs', named(group.jobIds)],
    ...(group.finalJobIds.length === 0 ? [] : [['next', `millrace retry ${named(group.finalJobIds)}`] as const]),
  ]
}
