import { fileURLToPath } from 'node:url'

/** A server of `tools/servers/redis.mjs`; see there. */
export interface TestServer {
  readonly url: string
  readonly port: number
  readonly pid: number
  kill(): Promise<void>
  restart(): Promise<void>
  stop(): Promise<void>
}

interface ServerModule {
  readonly findRedis: () => string | undefined
  readonly startRedis: (settings?: Readonly<Record<string, string | number>>) => Promise<TestServer>
}

/** A server of this test's own. */
export async function startServer(settings: Readonly<Record<string, string | number>> = {}): Promise<TestServer> {
  return (await load()).startRedis(settings)
}

/** Whether this machine has a server; in CI it must. */
export async function hasServer(): Promise<boolean> {
  return (await load()).findRedis() !== undefined || process.env['CI'] === 'true'
}

async function load(): Promise<ServerModule> {
  const module: unknown = await import(fileURLToPath(new URL('../../../../tools/servers/redis.mjs', import.meta.url)))
  return module as ServerModule
}
