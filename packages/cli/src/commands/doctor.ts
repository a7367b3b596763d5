import type { Command } from 'commander'
import { isMillraceError } from 'millrace'
import { type GlobalOptions, requireSql, schemaOf } from '../connection.ts'
import type { Check } from '../doctor/check.ts'
import { examine, type Patience, told, USUAL_PATIENCE } from '../doctor/examine.ts'
import { EXIT } from '../failure.ts'
import type { Output } from '../output.ts'
import { withQueue } from '../session.ts'
import { count, duration, positive } from '../values.ts'

interface DoctorOptions extends Patience {
  readonly role?: string
  readonly fix?: true
}

/** What `--fix` has done about a finding. */
interface Fixed {
  readonly name: string
  readonly done: boolean
  readonly detail: string
}

export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('look for what is wrong; exit code 1 if something is')
    .option('--max-wait <duration>', 'a job that is ready for longer is overdue', duration, USUAL_PATIENCE.maxWait)
    .option(
      '--max-transaction <duration>',
      'a transaction that is open for longer is too long',
      duration,
      USUAL_PATIENCE.maxTransaction,
    )
    .option('--max-pause <duration>', 'a pause that is older may be forgotten', duration, USUAL_PATIENCE.maxPause)
    .option(
      '--max-dead <n>',
      'more jobs that failed for good within an hour are too many',
      count,
      USUAL_PATIENCE.maxDead,
    )
    .option(
      '--max-xid-age <n>',
      'whatever is more transactions behind brings a wraparound near',
      positive,
      USUAL_PATIENCE.maxXidAge,
    )
    .option('--pooled', 'a pooler in transaction mode is meant to be in between')
    .option('--role <name>', 'whose rights to look at (default: those of the connection)')
    .option(
      '--fix',
      'do what is safe: migrate, grant, build indexes, make partitions, take back, tidy up; then look again',
    )
    .action(async (options: DoctorOptions, command: Command) => {
      const global = command.optsWithGlobals<GlobalOptions>()
      if (options.role !== undefined) requireSql('doctor --role', global)
      const schema = schemaOf(global)
      await withQueue(command, async ({ queue, output }) => {
        const place = { queue, schema, role: options.role }
        const fixed: Fixed[] = []
        let checks = await examine(place, options)
        for (let open = checks.filter(isFixable); options.fix === true && open.length > 0;) {
          fixed.push(...(await fixAll(open)))
          checks = await examine(place, options)
          // One fix lets the next checks look. What was tried once is not tried again.
          open = checks.filter((check) => isFixable(check) && !fixed.some(({ name }) => name === check.name))
        }
        const answer = told(checks)
        output.result({ ...answer, ...(options.fix === true && { fixed }) }, () => {
          print(output, checks, fixed)
        })
        return answer.ok ? EXIT.ok : EXIT.finding
      })
    })
}

function isFixable({ ok, fix }: Check): boolean {
  return !ok && fix !== undefined
}

async function fixAll(checks: readonly Check[]): Promise<readonly Fixed[]> {
  const fixed: Fixed[] = []
  for (const { name, fix } of checks) {
    if (fix === undefined) continue
    try {
      await fix.apply()
      fixed.push({ name, done: true, detail: fix.what })
    } catch (error) {
      if (!isMillraceError(error) && !isDatabaseError(error)) throw error
      fixed.push({ name, done: false, detail: error.message })
    }
  }
  return fixed
}

/** Of the raw pool. */
function isDatabaseError(error: unknown): error is Error {
  return error instanceof Error && 'severity' in error
}

function print(output: Output, checks: readonly Check[], fixed: readonly Fixed[]): void {
  for (const { name, done, detail } of fixed) {
    output.line({ text: done ? 'fixed' : 'NOT FIXED', colour: done ? 'green' : 'red' }, `${name}: ${detail}`)
  }
  output.columns(
    checks.map(({ name, ok, detail }) => [
      { text: ok ? 'ok' : 'FINDING', colour: ok ? ('green' as const) : ('red' as const) },
      name,
      detail,
    ]),
  )
  for (const { name, next } of checks) if (next !== undefined) output.line(`${name}: ${next}`)
}
