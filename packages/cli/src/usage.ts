import type { Command } from 'commander'
import { EXIT, type ExitCode, printFailure } from './failure.ts'

export interface UsageContext {
  readonly args: readonly string[]
  readonly program: Command
  readonly json: boolean
}

/** Says what is wrong with a command line, and which help tells more; the exit code. `message` is that of the parser. */
export function reportUsage(message: string, { args, program, json }: UsageContext): ExitCode {
  const [what = '', ...hints] = message.replace(/^error: /, '').split('\n')
  const hint = hints.join(' ').replaceAll(/[()]/g, '').trim()
  const next = helpFor(program, args)
  const said = `${what.charAt(0).toUpperCase()}${what.slice(1)}`.replace(/[^.?!]$/, '$&.')
  printFailure({ code: 'USAGE', message: hint === '' ? said : `${said} ${hint}`, why: undefined, next }, { json })
  return EXIT.usage
}

/** What to type for the help of the command that `args` name. */
export function helpFor(program: Command, args: readonly string[]): string {
  const path = commandOf(program, args)
  return path.length === 0 ? 'millrace --help' : `millrace ${path.join(' ')} --help`
}

/** The words that name a command, as far as they do. */
function commandOf(program: Command, args: readonly string[]): readonly string[] {
  const path: string[] = []
  let at = program
  for (const word of args) {
    const inner = at.commands.find((command) => command.name() === word)
    if (inner === undefined) continue
    path.push(word)
    at = inner
  }
  return path
}
