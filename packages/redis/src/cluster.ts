import { connect as connectPlainly } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectSecurely } from 'node:tls'
import { AbstractConnector, Redis, type RedisOptions } from 'ioredis'

/** A node of a cluster, as its users reach it. */
export interface ClusterNode {
  readonly host: string
  readonly port: number
}

/** Where a node that the cluster names is reached, when that is elsewhere: "host:port" as the cluster says it. */
export type NatMap = Readonly<Record<string, ClusterNode>> | ((address: string) => ClusterNode | null)

/** A cluster, and the one place of it that an instance is in. */
export interface ClusterPlace {
  /** Any nodes of it; the others are learnt from them. */
  readonly nodes: readonly ClusterNode[]
  /** The hash tag of this key decides the slot. */
  readonly prefix: string
  /** How to talk to any node: credentials and TLS. */
  readonly options: RedisOptions
  readonly natMap?: NatMap | undefined
}

const LOOK_LIMIT_MS = 2000
const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 500

/**
 * Options of a client each of whose connections goes to the node that serves the instance's slot at that time.
 *
 * A client of ioredis for clusters would not do: it sends commands again whose connection broke before the answer, which adds jobs
 * twice, and it does not tell when another process answers, which is when the counters have to move on (`resume.lua`). An instance is in
 * one slot, so one connection to its node is all it needs.
 */
export function clusterOptions(place: ClusterPlace): RedisOptions {
  const search = new SlotSearch(place)
  return {
    // A node that does not answer may have been replaced already.
    connectTimeout: LOOK_LIMIT_MS,
    ...place.options,
    db: 0,
    // The slot is elsewhere by now; what was answered this way was not run, and is not sent again either.
    reconnectOnError: (error) => error.message.startsWith('MOVED'),
    Connector: class extends SlotConnector {
      constructor() {
        super(search, place.options)
      }
    },
  }
}

/** Finds the node that serves a slot, by asking those that are known. */
class SlotSearch {
  readonly #place: ClusterPlace
  #nodes: readonly ClusterNode[]

  constructor(place: ClusterPlace) {
    this.#place = place
    this.#nodes = place.nodes
  }

  /** The first answer; rejects with the last error when no node has one. */
  async find(signal: AbortSignal): Promise<ClusterNode> {
    let failure: unknown = new Error('no node of the cluster is known')
    for (const node of this.#nodes) {
      if (signal.aborted) break
      try {
        return await this.#ask(node)
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }

  async #ask(node: ClusterNode): Promise<ClusterNode> {
    const client = new Redis({
      ...this.#place.options,
      ...node,
      lazyConnect: true,
      enableReadyCheck: false,
      retryStrategy: () => null,
      connectTimeout: LOOK_LIMIT_MS,
      commandTimeout: LOOK_LIMIT_MS,
    })
    client.on('error', () => undefined)
    try {
      await client.connect()
      const slot = await client.cluster('KEYSLOT', this.#place.prefix)
      const ranges = (await client.cluster('SLOTS')).map((range) => slotRange(range, node))
      const serving = ranges.find(({ first, last }) => first <= slot && slot <= last)
      if (serving === undefined) throw new Error(`no node of the cluster serves slot ${slot}`)
      const known = ranges.flatMap(({ nodes }) => nodes).map((found) => this.#reached(found))
      // Whoever was named first stays first: its name is the user's.
      this.#nodes = distinct([...this.#place.nodes, ...known])
      const [master] = serving.nodes
      if (master === undefined) throw new Error(`the cluster does not tell where slot ${slot} is`)
      return this.#reached(master)
    } finally {
      client.disconnect()
    }
  }

  #reached(node: ClusterNode): ClusterNode {
    const { natMap } = this.#place
    const address = `${node.host}:${node.port}`
    const mapped = typeof natMap === 'function' ? natMap(address) : natMap?.[address]
    return mapped ?? node
  }
}

interface SlotRange {
  readonly first: number
  readonly last: number
  /** The master first. */
  readonly nodes: readonly ClusterNode[]
}

/** One entry of `CLUSTER SLOTS`, as `asked` answered it: without a host it means itself. */
function slotRange(range: readonly unknown[], asked: ClusterNode): SlotRange {
  const [first, last, ...nodes] = range
  return {
    first: Number(first),
    last: Number(last),
    nodes: nodes.flatMap((node) => {
      if (!Array.isArray(node)) return []
      const host: unknown = node[0]
      // '?' is a node that does not know its own name.
      if (host === '?') return []
      return [{ host: typeof host === 'string' && host !== '' ? host : asked.host, port: Number(node[1]) }]
    }),
  }
}

function distinct(nodes: readonly ClusterNode[]): readonly ClusterNode[] {
  return [...new Map(nodes.map((node) => [`${node.host}:${node.port}`, node])).values()]
}

/** Makes connections to the node that a search finds. Searches until there is one: ioredis gives up for good when this rejects. */
class SlotConnector extends AbstractConnector {
  readonly #search: SlotSearch
  readonly #options: RedisOptions
  #ending = new AbortController()

  constructor(search: SlotSearch, options: RedisOptions) {
    // What ioredis has as its default, the only option it looks at.
    super(options.disconnectTimeout ?? LOOK_LIMIT_MS)
    this.#search = search
    this.#options = options
  }

  override async connect(emit: (type: string, error: Error) => void): Promise<NonNullable<typeof this.stream>> {
    this.connecting = true
    const { signal } = (this.#ending = new AbortController())
    const { host, port } = await this.#find(emit, signal)
    if (signal.aborted) throw new Error('Connection is closed.')
    const { tls } = this.#options
    this.stream = tls === undefined ? connectPlainly({ host, port }) : connectSecurely({ host, port, ...tls })
    this.stream.once('error', (error: Error) => {
      this.firstError = error
    })
    return this.stream
  }

  override disconnect(): void {
    this.#ending.abort()
    super.disconnect()
  }

  async #find(emit: (type: string, error: Error) => void, signal: AbortSignal): Promise<ClusterNode> {
    for (let round = 1; ; round++) {
      try {
        return await this.#search.find(signal)
      } catch (error) {
        if (signal.aborted) throw error
        emit('error', error instanceof Error ? error : new Error(String(error)))
      }
      await sleep(Math.min(FIRST_PAUSE_MS * round, LONGEST_PAUSE_MS), undefined, { signal })
    }
  }
}
