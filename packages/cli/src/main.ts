import { CommanderError } from 'commander'
import { EXIT, report } from './failure.ts'
import { createProgram } from './program.ts'
import { helpFor, reportUsage } from './usage.ts'

/**
 * Runs one command; what the process should end with: 0 ok, 1 something was found or failed, 2 the command line cannot be used,
 * 3 the database cannot be reached.
 */
export async function main(args: readonly string[]): Promise<number> {
  watchOutput()
  const program = createProgram()
  try {
    await program.parseAsync([...args], { from: 'user' })
    return Number(process.exitCode ?? EXIT.ok)
  } catch (error) {
    // Where the command line itself cannot be read, neither can `--json`.
    const json = program.opts<{ json?: true }>().json === true || args.includes('--json')
    if (error instanceof CommanderError) {
      // What was asked for, help and version, has been printed; so has the help of a command that has others in it.
      if (error.exitCode === 0) return EXIT.ok
      return error.code === 'commander.help' ? EXIT.usage : reportUsage(error.message, { args, program, json })
    }
    return report(error, { json, help: helpFor(program, args) })
  }
}

/** That nobody reads on, as in `millrace ls | head -1`, is no failure; see `interruption`. */
function watchOutput(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return
    const message = `Standard output cannot be written: ${error.message}`
    process.exit(report(new Error(message), { json: false }))
  })
}
