import { type Command, Option } from 'commander'
import { isMillraceError, MillraceError } from 'millrace'
import { grantStatements } from 'millrace/postgres'
import { migrationSql } from 'millrace/sql'
import { type GlobalOptions, requireSql, schemaOf } from '../connection.ts'
import { EXIT, type ExitCode } from '../failure.ts'
import { type Imported, importFrom, type ImportOptions, sourceOf } from '../import-from/import.ts'
import { type Survey, SYSTEMS, type System } from '../import-from/source.ts'
import type { Output } from '../output.ts'
import { outputOf, withQueue } from '../session.ts'

interface MigrateCommandOptions {
  readonly check?: true
  readonly sql?: true
  readonly importFrom?: System
  readonly dryRun?: true
  readonly held?: 'leave' | 'take'
  readonly fromSchema?: string
}

interface GrantCommandOptions extends GlobalOptions {
  readonly role: string
  readonly owner?: string
}

export function addSchemaCommands(program: Command): void {
  program
    .command('migrate')
    .description('bring the schema up to date')
    .addOption(
      new Option('--check', 'change nothing; exit code 1 if it is not up to date').conflicts([
        'importFrom',
        'dryRun',
        'sql',
      ]),
    )
    .addOption(
      new Option('--sql', 'print the SQL that does it, for any version of the schema; needs no database').conflicts([
        'importFrom',
        'dryRun',
      ]),
    )
    .option('--dry-run', 'change nothing; say what would be applied, or with --import-from what it would find')
    .addOption(
      new Option(
        '--import-from <system>',
        'then move what waits and what has failed in the tables of another system; doing it again, or going on with what was broken off, ' +
          'moves nothing twice',
      ).choices(SYSTEMS),
    )
    .addOption(
      new Option(
        '--held <what>',
        'with --import-from: leave jobs that its workers hold to them, or take them, their workers being gone (default: refuse to begin)',
      ).choices(['leave', 'take']),
    )
    .option(
      '--from-schema <name>',
      'with --import-from: where the tables are (default: public); of database-jobs: what app_jobs is renamed to (default: app_jobs_before)',
    )
    .action(async (options: MigrateCommandOptions, command: Command) => {
      if (options.sql === true) return printSql(command)
      if (options.importFrom === undefined) {
        refuseWithoutImport(options)
        if (options.check === true) return checkSchema(command, EXIT.finding)
        return options.dryRun === true ? checkSchema(command, EXIT.ok) : migrate(command)
      }
      return migrateFrom(command, options.importFrom, options)
    })
  program
    .command('grants')
    .description('print the SQL that lets a role add and work jobs, and no more')
    .requiredOption('--role <name>', 'the role')
    .option('--owner <name>', 'the role that migrates, whose later tables and functions are then granted too')
    .action((_options: object, command: Command) => {
      const global = command.optsWithGlobals<GrantCommandOptions>()
      if (global.redis !== undefined) requireSql('grants', global)
      const { role, owner, schema = 'millrace' } = global
      const statements = grantStatements({ schema, role, ...(owner !== undefined && { owner }) })
      outputOf(command).result(statements, () => process.stdout.write(statements.map((sql) => `${sql};\n`).join('')))
    })
}

async function migrate(command: Command): Promise<void> {
  // The call below migrates, whatever `migrate` says; `auto` only permits an embedded database to be made.
  await withQueue(
    command,
    async ({ queue, output }) => {
      const applied = await queue.migrate()
      output.result({ applied }, () => {
        for (const name of applied) output.line('applied', name)
        output.line('The schema is up to date.')
      })
    },
    { migrate: 'auto' },
  )
}

function printSql(command: Command): void {
  const global = command.optsWithGlobals<GlobalOptions>()
  if (global.redis !== undefined) requireSql('migrate --sql', global)
  const sql = migrationSql(global.schema)
  outputOf(command).result({ sql }, () => process.stdout.write(sql))
}

function refuseWithoutImport({ held, fromSchema }: MigrateCommandOptions): void {
  const given = Object.entries({ '--held': held, '--from-schema': fromSchema })
  const [alone] = given.find(([, value]) => value !== undefined) ?? []
  if (alone === undefined) return
  throw new MillraceError('OPTION_INVALID', `${alone} says how to import, and nothing is to be imported.`, {
    details: { field: alone, remedy: `add --import-from ${SYSTEMS.join('|')}` },
  })
}

async function migrateFrom(command: Command, system: System, options: MigrateCommandOptions): Promise<void> {
  const global = command.optsWithGlobals<GlobalOptions>()
  requireSql('migrate --import-from', global)
  const { fromSchema, held = 'refuse' } = options
  const schema = schemaOf(global) ?? 'millrace'
  const source = sourceOf({ system, fromSchema, schema })
  if (options.dryRun === true) {
    return withQueue(command, async ({ queue, output }) => {
      const survey = await source.survey(queue.getPool())
      output.result(survey, () => printSurvey(output, survey))
    })
  }
  await withQueue(
    command,
    async ({ queue, output, signal }): Promise<ExitCode> => {
      await queue.migrate()
      const how: ImportOptions = { system, fromSchema, schema, held, signal }
      const imported = await importFrom(queue, source, how)
      output.result(imported, () => printImported(output, imported))
      return signal.aborted || imported.refused.length > 0 ? EXIT.finding : EXIT.ok
    },
    { migrate: 'auto' },
  )
}

function printSurvey(output: Output, { live, dead, held, stays, schedules }: Survey): void {
  output.pairs([
    ['jobs that wait', live],
    ['dead letters', dead],
    ['held by its workers', held],
    ['stay as they are', stays],
    ['schedules', schedules],
  ])
}

function printImported(output: Output, imported: Imported): void {
  const { jobs, deadLetters, sameKey, schedules, triggers, refused, left } = imported
  output.pairs([
    ['jobs', jobs],
    ['dead letters', deadLetters],
    ...(sameKey > 0 ? [['had a key that is in use here', sameKey] as const] : []),
    ['schedules', schedules],
    ['triggers', triggers],
    ['left there', `${left.live + left.dead} that can be moved, ${left.held} held, ${left.stays} others`],
  ])
  for (const { id, task, reason } of refused)
    output.line({ text: `schedule ${id} (${task}) stays:`, colour: 'red' }, reason)
  if (left.live + left.dead + left.held > 0)
    output.line('Once its workers have ended what they hold: the same command again.')
}

/** Says what is missing; `lacking` is the exit code then. */
async function checkSchema(command: Command, lacking: ExitCode): Promise<void> {
  await withQueue(command, async ({ queue, output }) => {
    try {
      await queue.ready()
    } catch (error) {
      if (!isMillraceError(error, 'SCHEMA_MISSING') && !isMillraceError(error, 'SCHEMA_OUTDATED')) throw error
      const { code, message } = error
      output.result({ upToDate: false, code, message }, () => {
        output.line({ text: code, colour: 'red' }, message)
        output.line('Next: millrace migrate')
      })
      return lacking
    }
    return output.result({ upToDate: true }, () => output.line('The schema is up to date.'))
  })
}
