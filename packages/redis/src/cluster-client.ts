import type { Cluster, Redis, RedisOptions } from 'ioredis'
import type { ClusterNode, ClusterPlace, NatMap } from './cluster.ts'

/** Whether a client of ioredis is one for clusters. */
export function isCluster(client: Redis | Cluster): client is Cluster {
  return client.isCluster
}

/**
 * What a cluster client of the caller's was told of the cluster, and has learnt. Read by name: it may be of another version of ioredis.
 *
 * @param ours - Options that win over those of the client.
 */
export function clusterOf(client: Cluster, ours: RedisOptions): Omit<ClusterPlace, 'prefix'> {
  const startup: unknown = Reflect.get(client, 'startupNodes')
  const given = Array.isArray(startup) ? startup.map(nodeOf) : []
  const known = client.nodes('all').map(({ options }) => nodeOf(options))
  const { redisOptions, natMap } = client.options
  return { nodes: [...given, ...known], options: { ...redisOptions, ...ours }, natMap: natMap as NatMap | undefined }
}

/** A node in any of the forms that ioredis takes: `{ host, port }`, a port, or a URL. */
function nodeOf(given: unknown): ClusterNode {
  if (typeof given === 'number') return { host: '127.0.0.1', port: given }
  if (typeof given === 'string') {
    const url = new URL(/^[a-z]+:\/\//.test(given) ? given : `redis://${given}`)
    return { host: url.hostname.replace(/^\[|\]$/g, '') || '127.0.0.1', port: Number(url.port || '6379') }
  }
  const { host, port }: { host?: unknown; port?: unknown } = typeof given === 'object' && given !== null ? given : {}
  return { host: typeof host === 'string' ? host : '127.0.0.1', port: Number(port ?? 6379) }
}
