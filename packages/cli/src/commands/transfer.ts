import { createReadStream, createWriteStream, existsSync } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import { type ImportResult, MillraceError } from 'millrace'
import { EXIT } from '../failure.ts'
import type { Output } from '../output.ts'
import { type Session, withQueue } from '../session.ts'
import { duration } from '../values.ts'

interface ExportCommandOptions {
  readonly ended?: true
  readonly wait: number
}

/** Standard output, or input, in place of a file. */
const STANDARD = '-'
const RESUME = 'millrace resume --all'

export function addTransferCommands(program: Command): void {
  program
    .command('export')
    .description('pause the queue for good and write what it holds as lines of JSON, for `import` into another store')
    .argument('[file]', 'a new file (default: standard output)')
    .option('--ended', 'also jobs that completed, failed or were cancelled')
    .option('--wait <duration>', 'for running jobs to end', duration, 30_000)
    .action(async (file: string | undefined, options: ExportCommandOptions, command: Command) => {
      const target = file === STANDARD ? undefined : file
      if (target !== undefined && existsSync(target))
        throw refused(`${target} is there already.`, 'name a file that is not')
      await withQueue(command, (session) => exportTo(session, target, options))
    })
  program
    .command('import')
    .description(
      'take over what `export` wrote; doing it again, or going on with what was broken off, makes nothing twice',
    )
    .argument('[file]', 'what `export` wrote (default: standard input)')
    .action(async (file: string | undefined, _options: object, command: Command) => {
      const source = file === STANDARD ? undefined : file
      if (source !== undefined && !existsSync(source))
        throw refused(`There is no file ${source}.`, 'millrace export FILE')
      if (source === undefined && process.stdin.isTTY)
        throw refused('No file is named, and nothing is piped in.', 'millrace import FILE')
      await withQueue(command, async ({ queue, output }) => {
        const lines = source === undefined ? process.stdin : createReadStream(source)
        const result = await queue.importLines(lines)
        output.result(result, () => print(output, result))
      })
    })
}

function refused(message: string, remedy: string): MillraceError {
  return new MillraceError('OPTION_INVALID', message, { details: { field: 'file', remedy } })
}

async function exportTo(
  session: Session,
  file: string | undefined,
  { ended, wait }: ExportCommandOptions,
): Promise<1 | void> {
  const { queue, output } = session
  await queue.ready()
  const { signal } = session
  let lines = 0
  const counted = async function* (): AsyncGenerator<string> {
    for await (const line of queue.exportLines({ ended: ended === true, waitMs: wait })) {
      if (signal.aborted) return
      lines += 1
      yield line
    }
  }
  try {
    if (file === undefined) await pipeline(counted, process.stdout, { end: false })
    // What jobs hold is not for others to read.
    else await pipeline(counted, createWriteStream(file, { flags: 'wx', mode: 0o600 }))
  } catch (error) {
    if (!isBrokenPipe(error)) throw error
    return brokenOff('nobody reads on')
  }
  if (signal.aborted) return brokenOff('interrupted')
  const next = `The queue is paused for good. Import this elsewhere, or go on here: ${RESUME}`
  if (file === undefined) process.stderr.write(`${next}\n`)
  else {
    output.result({ file, lines }, () => {
      output.line(`${lines} lines in ${file}.`)
      output.line(next)
    })
  }
}

function isBrokenPipe(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EPIPE'
}

function brokenOff(reason: string): 1 {
  process.stderr.write(
    `${reason}: what was written cannot be imported. The queue is paused; to go on with it: ${RESUME}\n`,
  )
  return EXIT.finding
}

function print(output: Output, { jobs, knownJobs, schedules, tokens, keysTaken, keptIds }: ImportResult): void {
  output.pairs([
    ['jobs', `${jobs}, of which ${knownJobs} had been imported before`],
    ['schedules', schedules],
    ['tokens', tokens],
    ['ids', keptIds ? 'as they were' : 'moved up: others had them here'],
    ...(keysTaken > 0 ? [['keys', `${keysTaken} lead to other jobs here`] as const] : []),
  ])
}
