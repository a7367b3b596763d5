import type { Command } from 'commander'
import { aborted, type Session, withQueue } from '../session.ts'
import { port } from '../values.ts'

interface DashboardCommandOptions {
  readonly port?: number
  readonly readOnly?: true
  readonly redact?: readonly string[]
}

/** Taken if it is free and none is named; the same one each time, so that a bookmark and an open page stay good. */
const USUAL_PORT = 4983

export function addDashboardCommand(program: Command): void {
  program
    .command('dashboard')
    .description('serve the dashboard to this machine, until interrupted')
    .option('--port <n>', `port (default: ${USUAL_PORT}, or a free one)`, port)
    .option('--read-only', 'nothing can be changed')
    .action(async (options: DashboardCommandOptions, command: Command) => {
      await withQueue(command, async (session) => {
        await session.queue.ready()
        await using server = await serve(session, options)
        session.output.event({ event: 'listening', url: server.url }, [
          'dashboard',
          { text: server.url, colour: 'bold' },
        ])
        await aborted(session.signal)
      })
    })
}

/** The dashboard of the session's queue, on this machine only. */
export async function serve(
  { queue }: Pick<Session, 'queue'>,
  options: DashboardCommandOptions & { readonly jobTypes?: readonly string[] },
): Promise<{ readonly url: string } & AsyncDisposable> {
  const { serveDashboard } = await import('@millrace/dashboard')
  const shared = { readOnly: options.readOnly === true, jobTypes: options.jobTypes }
  if (options.port !== undefined) return serveDashboard(queue, { ...shared, port: options.port })
  try {
    return await serveDashboard(queue, { ...shared, port: USUAL_PORT })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error
    return serveDashboard(queue, { ...shared, port: 0 })
  }
}
