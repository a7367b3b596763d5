import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import type { CommonConfig } from 'millrace'
import { configOf, databaseText, type GlobalOptions } from '../connection.ts'
import { ReloadingWorker } from '../dev/reloading-worker.ts'
import type { FromWorker } from '../dev/messages.ts'
import { watchSources } from '../dev/sources.ts'
import { printNews } from '../job-news.ts'
import { existingModule, findModule } from '../module.ts'
import type { Output } from '../output.ts'
import { EXAMPLE, scaffold } from '../scaffold.ts'
import { aborted, outputOf, type Session, withQueue } from '../session.ts'
import { safe, toJson } from '../text.ts'
import { duration, port, positive } from '../values.ts'
import { serve } from './dashboard.ts'
import { install, printFiles } from './init.ts'

interface DevOptions {
  readonly port?: number
  readonly concurrency?: number
  readonly drainTimeout: number
  readonly watch: string
  readonly install: boolean
}

const CONFIG: CommonConfig = { migrate: 'auto' }

export function addDevCommand(program: Command): void {
  program
    .command('dev')
    .description('work on a program: database, a worker that reloads as files change, dashboard and one log')
    .argument('[module]', 'as for `worker`; in an empty folder, what `init` writes (default: jobs.ts and the like)')
    .option('--port <n>', 'port of the dashboard (default: 4983, or a free one)', port)
    .option('--concurrency <n>', 'handlers running at once (default: 3)', positive)
    .option('--watch <folder>', 'whose files it is reloaded for', '.')
    .option('--drain-timeout <duration>', 'how long running jobs may take to finish at a reload', duration, 2000)
    .option('--no-install', 'in an empty folder: do not install packages')
    .action(async (given: string | undefined, options: DevOptions, command: Command) => {
      const isNew = given === undefined && findModule(undefined) === undefined && !existsSync('package.json')
      if (isNew) await begin(outputOf(command), options)
      const module = existingModule(given)
      if (existsSync('.env')) process.loadEnvFile('.env')
      const place = command.optsWithGlobals<GlobalOptions>()
      await withQueue(command, (session) => develop(session, { module, options, place, isNew }), CONFIG)
    })
}

/** One command from an empty folder to a job that runs. */
async function begin(output: Output, options: DevOptions): Promise<void> {
  const written = scaffold({ force: false, language: undefined })
  if (!output.json) printFiles(output, written)
  if (options.install) await install(written, output)
}

interface Development {
  readonly module: string
  readonly options: DevOptions
  readonly place: GlobalOptions
  readonly isNew: boolean
}

async function develop(session: Session, { module, options, place, isNew }: Development): Promise<void> {
  const { queue, output } = session
  // Opened here and kept open, an embedded database does not start anew with each version of the program.
  await queue.ready()
  const { signal } = session
  await using dashboard = await serve(session, { ...(options.port !== undefined && { port: options.port }) })
  const database = databaseText(configOf(place, CONFIG))
  if (output.json) output.event({ event: 'ready', dashboard: dashboard.url, database, module }, [])
  else {
    const url = { text: dashboard.url, colour: 'bold' } as const
    output.pairs(Object.entries({ dashboard: url, database, module }))
  }
  let addExample = isNew
  const worker = new ReloadingWorker(taskOf({ module, options, place }), {
    onMessage: (message) => {
      print(output, message)
      if (message.kind !== 'started' || !addExample) return
      addExample = false
      void queue.addJob({ jobType: EXAMPLE.type, payload: EXAMPLE.payload }).catch(() => {})
    },
    onOutput: (line, stream) => output.event({ event: 'output', stream, line }, [{ text: `  ${line}`, colour: 'dim' }]),
    onCrash: (reason) =>
      output.event({ event: 'crashed', reason }, [
        { text: `the worker has crashed (${reason}); starting again`, colour: 'red' },
      ]),
  })
  await using sources = watchSources(options.watch, (files) => {
    output.event({ event: 'reload', files }, [{ text: `changed: ${files.slice(0, 3).join(', ')}`, colour: 'yellow' }])
    void worker.reload()
  })
  await sources.ready
  worker.start()
  await aborted(signal)
  output.event({ event: 'stopping' }, ['stopping'])
  await worker.stop()
}

function taskOf({
  module,
  options,
  place,
}: Omit<Development, 'isNew'>): ConstructorParameters<typeof ReloadingWorker>[0] {
  return {
    module,
    database: place,
    concurrency: options.concurrency,
    drainMs: options.drainTimeout,
  }
}

function print(output: Output, message: FromWorker): void {
  switch (message.kind) {
    case 'started': {
      const [first = EXAMPLE.type] = message.types
      const payload = first === EXAMPLE.type ? toJson(EXAMPLE.payload) : '{}'
      return output.event({ event: 'started', types: message.types }, [
        `working on ${message.types.join(', ')}; add one: npx millrace enqueue ${first} '${payload}'`,
      ])
    }
    case 'news':
      return printNews(output, message.news)
    case 'error': {
      const text = safe(message.message)
      const hint = message.isFatal ? ' (waiting for a change)' : ''
      return output.event({ event: 'error', message: text, fatal: message.isFatal }, [
        { text: `error: ${text}${hint}`, colour: 'red' },
      ])
    }
  }
}
