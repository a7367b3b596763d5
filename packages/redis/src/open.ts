import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { MillraceError } from 'millrace'
import type { Store } from 'millrace/store'
import { type Cluster, Redis, type RedisOptions } from 'ioredis'
import { clusterOptions, type ClusterNode } from './cluster.ts'
import { clusterOf, isCluster } from './cluster-client.ts'
import { RedisInstance } from './instance.ts'
import { createRedisStore } from './store.ts'

/** TLS of a connection: PEM text, or `file:///path`. */
export interface RedisTlsConfig {
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
  /** Default `true`. */
  readonly rejectUnauthorized?: boolean | undefined
}

/** Where the server is. */
export interface RedisConnectionConfig {
  /** `redis://` or, with TLS, `rediss://`; the other options win over its parts. */
  readonly url?: string | undefined
  /** Default `127.0.0.1`. */
  readonly host?: string | undefined
  /** Default 6379. */
  readonly port?: number | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** Default 0. */
  readonly db?: number | undefined
  readonly tls?: RedisTlsConfig | undefined
  /**
   * Of a cluster, some nodes by which the others are found, in place of `url`, `host`, `port` and `db`: each connection goes to the node
   * that serves the slot of `keyPrefix` then.
   */
  readonly nodes?: readonly ClusterNode[] | undefined
}

/** What `openRedis` takes. */
export interface OpenRedisOptions {
  /** A connection of ours, ended by `close`; or `client`. */
  readonly config?: RedisConnectionConfig | undefined
  /** An ioredis client of the caller's own, for a server or a cluster: its options are taken over, and it is never closed. */
  readonly client?: unknown
  /** Names the instance; all its keys share one hash tag. Default `dq:`. */
  readonly keyPrefix?: string | undefined
  /** Work on a server that may delete jobs when its memory is full. Default `false`. */
  readonly allowEviction?: boolean | undefined
  /** Whether to hear of new work by notification, over one further connection. Default `true`. */
  readonly listen?: boolean | undefined
  /** Told of what makes the server less safe than it could be. Default: nobody. */
  readonly warn?: ((message: string) => void) | undefined
}

/** What `openRedis` answers. */
export interface OpenedRedis {
  readonly store: Store
  /**
   * For commands of the caller's: the client that was given, or one beside the store's, connected by its first command. Ending
   * that one (`quit`, `disconnect`) closes the store.
   */
  readonly client: Redis | Cluster
}

/**
 * The store of an instance on Redis. No connection is made yet: the first call of the store makes it.
 *
 * @throws MillraceError `CONFIG_INVALID`
 */
export function openRedis(options: OpenRedisOptions): OpenedRedis {
  const prefix = instancePrefix(options.keyPrefix ?? 'dq:')
  const own = options.client === undefined ? undefined : checkedClient(options.client)
  const client = ownClient(own, options.config ?? {}, prefix)
  // An error without a listener would be printed; those that matter reject a call.
  client.on('error', () => undefined)
  const instance = new RedisInstance(client, prefix)
  const store = createRedisStore(instance, {
    listens: options.listen ?? true,
    rules: { allowEviction: options.allowEviction ?? false, warn: options.warn ?? ((): void => undefined) },
  })
  if (own !== undefined) return { store, client: own }
  const beside = clientBeside(client, () => instance.close())
  const close = async (): Promise<void> => {
    // Before the store's, not after it has ended: a server that stops in between would end this connection first.
    beside.end()
    await store.close()
  }
  return { store: { ...store, close }, client: beside.client }
}

function ownClient(given: Redis | Cluster | undefined, config: RedisConnectionConfig, prefix: string): Redis {
  if (given === undefined) return new Redis(clientOptions(config, prefix))
  if (!isCluster(given)) return given.duplicate(OUR_WAY)
  return new Redis(clusterOptions({ ...clusterOf(given, OUR_WAY), prefix }))
}

/**
 * A client with the manners its users expect: commands wait for the connection. The store's own would refuse them while there is
 * none. Programs that have no other handle end their queue by ending this client, so the store goes with it, and it with the store.
 */
function clientBeside(client: Redis, close: () => void): { readonly client: Redis; readonly end: () => void } {
  const beside = client.duplicate({
    enableOfflineQueue: true,
    autoResendUnfulfilledCommands: true,
    maxRetriesPerRequest: COMMAND_RETRIES,
  })
  let isEnding = false
  // Once, and never after it has ended: ioredis then waits two seconds for an end that has been.
  const end = (): void => {
    if (isEnding || beside.status === 'end') return
    isEnding = true
    beside.disconnect()
  }
  beside.on('error', () => undefined)
  beside.once('end', close)
  client.once('end', end)
  return { client: beside, end }
}

const MOST_RECONNECT_DELAY_MS = 500

/** As ioredis has it by default. */
const COMMAND_RETRIES = 20

/**
 * Commands are sent once, when there is a connection: ioredis would send those without an answer again, which adds a job twice.
 */
const OUR_WAY = {
  lazyConnect: true,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: null,
  keyPrefix: '',
  retryStrategy: (times: number): number => Math.min(50 * times, MOST_RECONNECT_DELAY_MS),
} as const satisfies RedisOptions

/** Prefix and hash tag: `dq:` becomes `{dq:}`; one that has a tag stays as it is. */
export function instancePrefix(keyPrefix: unknown): string {
  if (typeof keyPrefix === 'string' && keyPrefix.length > 0 && keyPrefix.length <= 200) {
    if (!/[{}]/.test(keyPrefix)) return `{${keyPrefix}}`
    if (/^[^{}]*\{[^{}]+\}[^{}]*$/.test(keyPrefix)) return keyPrefix
  }
  const remedy = "Give 1 to 200 characters such as 'myapp:', with at most one hash tag in braces"
  throw new MillraceError('CONFIG_INVALID', `\`keyPrefix\` is ${JSON.stringify(keyPrefix)}. ${remedy}.`, {
    details: { field: 'keyPrefix', value: keyPrefix, remedy },
  })
}

function checkedClient(client: unknown): Redis | Cluster {
  if (!isClient(client)) {
    const remedy = 'Pass an ioredis client, version 5 or later, or `redisConfig`'
    throw new MillraceError('CONFIG_INVALID', `\`client\` is not an ioredis client. ${remedy}.`, {
      details: { field: 'client', remedy },
    })
  }
  return client
}

function isClient(client: unknown): client is Redis | Cluster {
  if (typeof client !== 'object' || client === null) return false
  return ['duplicate', 'evalsha', 'subscribe'].every((name) => typeof Reflect.get(client, name) === 'function')
}

/** As ioredis takes them, every file read. */
function clientOptions(config: RedisConnectionConfig, prefix: string): RedisOptions {
  const { url, host, port, username, password, db, tls, nodes } = config
  const fromUrl = url === undefined || url === '' ? {} : urlOptions(url)
  const options = {
    ...OUR_WAY,
    ...fromUrl,
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(db === undefined ? {} : { db }),
    ...(tls === undefined ? {} : { tls: tlsOptions(tls) }),
  }
  if (nodes === undefined) return options
  return clusterOptions({ nodes: checkedNodes(config), prefix, options })
}

function checkedNodes({ nodes = [], ...others }: RedisConnectionConfig): readonly ClusterNode[] {
  const remedy = "Give at least one { host: 'redis-1', port: 6379 }, and neither `url`, `host`, `port` nor `db`"
  const both = (['url', 'host', 'port', 'db'] as const).find((name) => others[name] !== undefined)
  const isList =
    Array.isArray(nodes) &&
    nodes.length > 0 &&
    nodes.every((node: Partial<ClusterNode>) => typeof node.host === 'string' && Number.isInteger(node.port))
  if (isList && both === undefined) return nodes
  const what = both === undefined ? 'is no list of nodes' : `does not go with \`${both}\``
  throw new MillraceError('CONFIG_INVALID', `\`redisConfig.nodes\` ${what}. ${remedy}.`, {
    details: { field: 'redisConfig.nodes', value: nodes, remedy },
  })
}

function urlOptions(text: string): RedisOptions {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || (url.protocol !== 'redis:' && url.protocol !== 'rediss:')) {
    const remedy = 'Give redis://user:password@host:port/db, or rediss:// with TLS'
    // Not the URL itself: it may hold a password.
    throw new MillraceError('CONFIG_INVALID', `\`redisConfig.url\` is no URL of a Redis server. ${remedy}.`, {
      details: { field: 'redisConfig.url', remedy },
    })
  }
  const db = Number(url.pathname.slice(1) || '0')
  return {
    host: url.hostname.replace(/^\[|\]$/g, '') || '127.0.0.1',
    port: Number(url.port || '6379'),
    ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
    ...(Number.isInteger(db) ? { db } : {}),
    ...(url.protocol === 'rediss:' ? { tls: {} } : {}),
  }
}

function tlsOptions(tls: RedisTlsConfig): NonNullable<RedisOptions['tls']> {
  const texts = Object.fromEntries(
    (['ca', 'cert', 'key'] as const).flatMap((name) => {
      const given = tls[name]
      return given === undefined || given === '' ? [] : [[name, pem(given, name)]]
    }),
  )
  return { ...texts, rejectUnauthorized: tls.rejectUnauthorized ?? true }
}

function pem(given: string, name: string): string {
  if (!given.startsWith('file://')) return given
  try {
    return readFileSync(fileURLToPath(given), 'utf8')
  } catch (cause) {
    throw new MillraceError(
      'CONFIG_INVALID',
      `\`redisConfig.tls.${name}\` names a file that cannot be read: ${given}`,
      {
        cause,
        details: { field: `redisConfig.tls.${name}`, value: given, remedy: 'Give PEM text, or file:///absolute/path' },
      },
    )
  }
}
