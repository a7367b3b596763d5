import { CommanderError } from 'commander'
import { EXIT, report } from './failure.ts'
import { createProgram } from './program.ts'

/**
 * Runs one command; what the process should end with: 0 ok, 1 something was found or failed, 2 the command line cannot be used,
 * 3 the database cannot be reached.
 */
export async function main(args: readonly string[]): Promise<number> {
  endQuietlyWithReader()
  const program = createProgram()
  try {
    await program.parseAsync([...args], { from: 'user' })
    return Number(process.exitCode ?? EXIT.ok)
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
    return report(error, { json: program.opts<{ json?: true }>().json === true })
  }
}

/** `millrace ls | head -1` is no failure: there is nobody left to write to. */
function endQuietlyWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.ok)
    throw error
  })
}
