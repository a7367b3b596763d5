/** The part of `tools/servers` that a run uses: it is JavaScript, and outside of this package. */
export interface PostgresServer {
  readonly url: string
  readonly host: string
  readonly port: number
  readonly dataDir: string
  readonly pid: number
  stop(mode?: StopMode): Promise<void>
  restart(mode?: StopMode, pauseMs?: number): Promise<void>
  log(): string
}

export type StopMode = 'smart' | 'fast' | 'immediate' | 'kill'

export interface StartOptions {
  readonly version?: 18 | 14
  readonly settings?: Readonly<Record<string, string | number>>
  readonly within?: string
  readonly startWithinMs?: number
  readonly fill?: (dataDir: string) => Promise<void>
}

/** Starts a server from the binaries that npm installed; see `tools/servers/postgres.mjs`. */
export async function startServer(options: StartOptions): Promise<PostgresServer> {
  const path = new URL('../../../tools/servers/postgres.mjs', import.meta.url).href
  const { startPostgres }: { startPostgres: (options: StartOptions) => Promise<PostgresServer> } = await import(path)
  return startPostgres(options)
}

/** The user that servers run as: another one when we are root. */
export async function serverUser(): Promise<{ readonly uid?: number; readonly gid?: number }> {
  const path = new URL('../../../tools/servers/binaries.mjs', import.meta.url).href
  const { serverUser: user }: { serverUser: () => { readonly uid?: number; readonly gid?: number } } = await import(
    path
  )
  return user()
}

/** Where servers keep their data: reachable for the user they run as. */
export async function serversFolder(): Promise<string> {
  const path = new URL('../../../tools/servers/binaries.mjs', import.meta.url).href
  const { serversFolder: folder }: { serversFolder: () => string } = await import(path)
  return folder()
}
