#!/usr/bin/env node
/** The command line is a package of its own, so that an application does not install it for nothing. */

// Not a literal: the package is not a dependency, and no compiler or bundler should look for it.
const cli = '@millrace/cli'

interface CommandLine {
  readonly main: (args: readonly string[]) => Promise<number>
}

process.exitCode = await run(process.argv.slice(2))

async function run(args: readonly string[]): Promise<number> {
  let found: CommandLine
  try {
    found = (await import(cli)) as CommandLine
  } catch (error) {
    if (!isMissing(error)) throw error
    console.error(`error: the command line is not installed: there is no package ${cli}\n  do: npm install -D ${cli}`)
    return 1
  }
  return found.main(args)
}

/** Whether it is this package that is not there, rather than one that it needs. */
function isMissing(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    error.code === 'ERR_MODULE_NOT_FOUND' &&
    error.message.includes(`'${cli}'`)
  )
}
