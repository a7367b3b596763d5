import type { Command } from 'commander'
import { isMillraceError } from 'millrace'
import { grantStatements } from 'millrace/postgres'
import { type GlobalOptions, requireSql } from '../connection.ts'
import { EXIT } from '../failure.ts'
import { outputOf, withQueue } from '../session.ts'

interface GrantCommandOptions extends GlobalOptions {
  readonly role: string
  readonly owner?: string
}

export function addSchemaCommands(program: Command): void {
  program
    .command('migrate')
    .description('bring the schema up to date')
    .option('--check', 'change nothing; exit code 1 if it is not up to date')
    .action(async (options: { readonly check?: true }, command: Command) => {
      await (options.check === true ? checkSchema(command) : migrate(command))
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

async function checkSchema(command: Command): Promise<void> {
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
      return EXIT.finding
    }
    return output.result({ upToDate: true }, () => output.line('The schema is up to date.'))
  })
}
