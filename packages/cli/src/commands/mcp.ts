import type { Command } from 'commander'
import { initJobQueue, type JobQueue } from 'millrace'
import { configOf, type GlobalOptions, schemaOf } from '../connection.ts'
import { examine, told, USUAL_PATIENCE } from '../doctor/examine.ts'
import { interruption } from '../session.ts'
import { list } from '../values.ts'

interface McpCommandOptions {
  readonly allowWrite?: true
  readonly redact?: readonly string[]
  readonly tenant?: string
  readonly actor?: string
}

export function addMcpCommand(program: Command): void {
  program
    .command('mcp')
    .description(
      'serve jobs and documentation to a coding assistant: the Model Context Protocol at standard input and output',
    )
    .option('--allow-write', 'offer the tools that change something too')
    .option('--redact <place>', 'a key, or path of keys, whose value is never shown; can be repeated', list)
    .option('--tenant <id>', 'only the jobs and schedules of this tenant')
    .option('--actor <name>', 'under which name changes are noted in the audit (default: mcp)')
    .action(async (options: McpCommandOptions, command: Command) => {
      await serve(options, command.optsWithGlobals<GlobalOptions>())
    })
}

/** The database is opened by the first tool that needs it: the documentation is there without. */
async function serve(options: McpCommandOptions, global: GlobalOptions): Promise<void> {
  const { serveMcp } = await import('@millrace/mcp')
  const interrupted = interruption()
  if (process.stdin.isTTY)
    process.stderr.write('An assistant starts this and speaks the Model Context Protocol to it; Ctrl+C ends it.\n')
  let queue: JobQueue | undefined
  const open = (): JobQueue => (queue ??= initJobQueue({ listen: false, ...configOf(global, { migrate: 'check' }) }))
  const { allowWrite, redact, tenant, actor } = options
  const connection = serveMcp({
    queue: open,
    allowWrite,
    redact,
    tenantId: tenant,
    actor,
    doctor: async (opened) => {
      return { ...told(await examine({ queue: opened, schema: schemaOf(global), role: undefined }, USUAL_PATIENCE)) }
    },
  })
  interrupted.signal.addEventListener('abort', () => void connection.close(), { once: true })
  try {
    await connection.ended
  } finally {
    interrupted.forget()
    await connection.close()
    await queue?.close()
  }
}
