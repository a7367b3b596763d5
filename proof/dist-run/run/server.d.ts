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
  readonly fill?: (dataDir: string) => Promise<void>
}
/** Starts a server from the binaries that npm installed; see `tools/servers/postgres.mjs`. */
export declare function startServer(options: StartOptions): Promise<PostgresServer>
/** The user that servers run as: another one when we are root. */
export declare function serverUser(): Promise<{
  readonly uid?: number
  readonly gid?: number
}>
//# sourceMappingURL=server.d.ts.map
