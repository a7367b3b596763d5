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

/** One of `tools/servers/redis-cluster.mjs`. */
export interface TestClusterServer extends TestServer {
  /** What `redis-cli` says there. */
  command(...args: (string | number)[]): string
}

/** A cluster of `tools/servers/redis-cluster.mjs`; see there. */
export interface TestCluster {
  readonly servers: readonly TestClusterServer[]
  readonly nodes: readonly { readonly host: string; readonly port: number }[]
  slotOf(key: string): number
  masterOf(slot: number): TestClusterServer
  moveSlot(slot: number, to: TestClusterServer, atHalf: () => Promise<unknown>): Promise<number>
  stop(): Promise<void>
}

interface ClusterModule {
  readonly startRedisCluster: (
    size: { readonly masters: number; readonly replicas: number },
    settings: Readonly<Record<string, string | number>>,
  ) => Promise<TestCluster>
}

interface ServerModule {
  readonly findRedis: () => string | undefined
  readonly startRedis: (settings?: Readonly<Record<string, string | number>>) => Promise<TestServer>
}

/** A server of this test's own. */
export async function startServer(settings: Readonly<Record<string, string | number>> = {}): Promise<TestServer> {
  return (await load()).startRedis(settings)
}

/** A cluster of this test's own. */
export async function startCluster(...args: Parameters<ClusterModule['startRedisCluster']>): Promise<TestCluster> {
  const file = fileURLToPath(new URL('../../../../tools/servers/redis-cluster.mjs', import.meta.url))
  const { startRedisCluster } = (await import(file)) as ClusterModule
  return startRedisCluster(...args)
}

/** Whether this machine has a server; in CI it must. */
export async function hasServer(): Promise<boolean> {
  return (await load()).findRedis() !== undefined || process.env['CI'] === 'true'
}

async function load(): Promise<ServerModule> {
  const module: unknown = await import(fileURLToPath(new URL('../../../../tools/servers/redis.mjs', import.meta.url)))
  return module as ServerModule
}
