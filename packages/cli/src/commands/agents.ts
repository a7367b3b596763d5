import type { Command } from 'commander'
import { type AgentFile, installAgentFiles } from '../agent-files.ts'
import { EXIT } from '../failure.ts'
import type { Output } from '../output.ts'
import { outputOf } from '../session.ts'

interface InstallOptions {
  readonly check?: true
}

const MCP_COMMAND = 'npx millrace mcp'

export function addAgentsCommands(program: Command): void {
  const agents = program.command('agents').description('what coding assistants should know of this version')
  agents
    .command('install')
    .description(
      'write rules into AGENTS.md (and CLAUDE.md where there is one) between markers, and skills beside; whatever else is there stays',
    )
    .option('--check', 'write nothing; exit code 1 if something is missing or of another version')
    .action(async (options: InstallOptions, command: Command) => {
      const output = outputOf(command)
      const { rules, skills } = await import('@millrace/mcp')
      const dryRun = options.check === true
      const files = installAgentFiles({ rules, skills }, { folder: '.', dryRun })
      const isCurrent = files.every(({ result }) => result === 'kept' || result === 'foreign')
      output.result({ files, isCurrent, mcp: MCP_COMMAND }, () => print(output, files, dryRun))
      process.exitCode = dryRun && !isCurrent ? EXIT.finding : EXIT.ok
    })
}

function print(output: Output, files: readonly AgentFile[], dryRun: boolean): void {
  const kept = files.filter(({ result }) => result === 'kept').length
  for (const { path, result, count } of linesOf(files)) {
    const colour = result === 'foreign' ? 'yellow' : 'green'
    const said = dryRun && result !== 'foreign' ? `would be ${result}` : result
    output.line({ text: said.padEnd(dryRun ? 17 : 8), colour }, count === 1 ? path : `${path} (${count} files)`)
  }
  if (kept > 0) output.line(`${kept} of ${files.length} files are as they should be.`)
  if (files.some(({ result }) => result === 'foreign')) {
    output.line('foreign: not written by this program, or changed since; delete it to have it written anew.')
  }
  if (dryRun) return
  output.line('Live jobs and a search of the documentation, for an assistant that takes a command:', {
    text: MCP_COMMAND,
    colour: 'bold',
  })
}

interface Line extends AgentFile {
  readonly count: number
}

/** The files of a skill that share a fate are one line. */
function linesOf(files: readonly AgentFile[]): readonly Line[] {
  const lines = new Map<string, Line>()
  for (const { path, result } of files) {
    if (result === 'kept') continue
    const shown = result === 'foreign' ? path : path.replace(/(\/skills\/[^/]+)\/.*$/, '$1')
    const { count = 0 } = lines.get(shown) ?? {}
    lines.set(shown, { path: shown, result, count: count + 1 })
  }
  return [...lines.values()]
}
