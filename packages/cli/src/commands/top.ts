import type { Command } from 'commander'
import { isMillraceError } from 'millrace'
import { configOf, databaseText, type GlobalOptions, schemaOf } from '../connection.ts'
import { pause, type Session, withQueue } from '../session.ts'
import { frame } from '../top/frame.ts'
import { type Look, Looker } from '../top/look.ts'
import { Screen } from '../top/screen.ts'
import { duration } from '../values.ts'

interface TopOptions {
  readonly interval: number
  readonly once?: true
}

const HISTORY = 20
/** Looking takes the database at most this share of the time. */
const SHARE = 10
/** For output that is no terminal. */
const ALL_ROWS = 200

export function addTopCommand(program: Command): void {
  program
    .command('top')
    .description('watch throughput, running jobs, queues, workers and failures; q leaves')
    .option('--interval <duration>', 'between two looks', duration, 1000)
    .option(
      '--once',
      'look once; so it does where it is not shown on a terminal, unless --json asks for a line for each look',
    )
    .action(async (options: TopOptions, command: Command) => {
      const place = command.optsWithGlobals<GlobalOptions>()
      const schema = schemaOf(place)
      const title = [databaseText(configOf(place, {})), ...(schema === null ? [] : [schema])].join('  ')
      await withQueue(command, async (session) => {
        const looker = new Looker(session.queue, schema)
        const first = await looker.look()
        const { output } = session
        if (options.once === true) {
          // Throughput needs two.
          await pause(options.interval, session.signal)
          const look = await looker.look()
          return output.result(look, () => printAll(session, look, title))
        }
        if (output.json) return follow(session, looker, options)
        return process.stdout.isTTY ? live({ session, looker, title, options }, first) : printAll(session, first, title)
      })
    })
}

function printAll({ output }: Session, look: Look, title: string): void {
  for (const row of frame(look, { title, rows: ALL_ROWS, history: [], problem: null })) output.columns([row])
}

async function follow({ output, signal }: Session, looker: Looker, { interval }: TopOptions): Promise<void> {
  while (!signal.aborted) {
    await pause(interval, signal)
    if (!signal.aborted) output.event(await looker.look(), [])
  }
}

interface Live {
  readonly session: Session
  readonly looker: Looker
  readonly title: string
  readonly options: TopOptions
}

async function live({ session, looker, title, options }: Live, first: Look): Promise<void> {
  let look = first
  let problem: string | null = null
  const history: number[] = []
  const draw = (): void => screen.show(frame(look, { title, rows: screen.size.rows, history, problem }))
  using screen = new Screen(session.output.colours, draw)
  const signal = AbortSignal.any([session.signal, screen.quit])
  for (let tookMs = 0; !signal.aborted;) {
    draw()
    await pause(Math.max(options.interval, tookMs * SHARE), signal)
    if (signal.aborted) return
    const startedAt = performance.now()
    try {
      look = await looker.look()
      problem = null
      history.push(look.endedPerSecond ?? 0)
      if (history.length > HISTORY) history.shift()
    } catch (error) {
      // A database that is away for a moment is what one watches for.
      if (!isMillraceError(error)) throw error
      problem = `${error.code}: ${error.message}`
    }
    tookMs = performance.now() - startedAt
  }
}
