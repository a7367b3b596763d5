/**
 * A Redis Cluster on the loopback, for tests and benchmarks: masters with an even share of the slots each, and as many replicas.
 *
 *     const cluster = await startRedisCluster({ masters: 3, replicas: 3 })
 *     try { … cluster.nodes … } finally { await cluster.stop() }
 */
import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './ports.mjs'
import { startRedis } from './redis.mjs'

const SLOTS = 16_384
const TIMEOUT_MS = 30_000
/** A node that was silent for this long is taken for dead. */
const NODE_TIMEOUT_MS = 1000

/** @typedef {import('./redis.mjs').RedisServer & { busPort: number, id: string, command: (...args: (string | number)[]) => string }} ClusterServer */

/**
 * @typedef {object} RedisCluster
 * @property {ClusterServer[]} servers - The masters first, then their replicas in the same order.
 * @property {{ host: string, port: number }[]} nodes
 * @property {(key: string) => number} slotOf
 * @property {(slot: number) => ClusterServer} masterOf - The one that serves a slot now, as any living node tells.
 * @property {(slot: number, to: ClusterServer, atHalf?: () => Promise<unknown>) => Promise<number>} moveSlot - Moves a slot and all its
 *   keys, some at a time as `redis-cli --cluster reshard` does; how many keys it moved. `atHalf` is called when half of the keys are there.
 * @property {() => Promise<void>} stop
 */

/**
 * @param {{ masters: number, replicas: number }} size
 * @param {Record<string, string | number>} [settings]
 * @returns {Promise<RedisCluster>}
 */
export async function startRedisCluster({ masters, replicas }, settings = {}) {
  /** @type {ClusterServer[]} */
  const servers = []
  const stop = async () => {
    await Promise.all(servers.map((server) => server.stop()))
  }
  try {
    for (let n = 0; n < masters + replicas; n++) servers.push(await startNode(settings))
    const [first] = servers
    if (first === undefined) throw new Error('a cluster of no node')
    for (const other of servers.slice(1)) other.command('cluster', 'meet', '127.0.0.1', first.port, first.busPort)
    servers.slice(0, masters).forEach((server, n) => {
      const range = [Math.floor((n * SLOTS) / masters), Math.floor(((n + 1) * SLOTS) / masters) - 1]
      server.command('cluster', 'addslotsrange', ...range)
    })
    await until('the nodes know each other', () =>
      servers.every(
        (server) => nodesOf(server).filter(({ flags }) => !flags.includes('handshake')).length === servers.length,
      ),
    )
    servers
      .slice(masters)
      .forEach((server, n) => server.command('cluster', 'replicate', servers[n % masters]?.id ?? ''))
    await until('every slot is served and every replica has its data', () =>
      servers.every(
        (server, n) =>
          server.command('cluster', 'info').includes('cluster_state:ok') &&
          (n < masters || server.command('info', 'replication').includes('master_link_status:up')),
      ),
    )
  } catch (error) {
    await stop()
    throw error
  }
  const living = () => servers.find((server) => isAlive(server.pid))
  const slotOf = (/** @type {string} */ key) => Number(living()?.command('cluster', 'keyslot', key))
  const masterOf = (/** @type {number} */ slot) => {
    const found = servers
      .filter((server) => isAlive(server.pid))
      .find((server) =>
        nodesOf(server).some(
          ({ flags, serves }) => flags.includes('myself') && flags.includes('master') && serves(slot),
        ),
      )
    if (found === undefined) throw new Error(`nobody serves slot ${slot}`)
    return found
  }
  return {
    servers,
    nodes: servers.map(({ port }) => ({ host: '127.0.0.1', port })),
    slotOf,
    masterOf,
    moveSlot: (slot, to, atHalf) => moveSlot({ slot, from: masterOf(slot), to, atHalf }),
    stop,
  }
}

/** @param {Record<string, string | number>} settings @returns {Promise<ClusterServer>} */
async function startNode(settings) {
  const busPort = await freePort()
  const server = await startRedis({
    'cluster-enabled': 'yes',
    'cluster-port': busPort,
    'cluster-node-timeout': NODE_TIMEOUT_MS,
    'repl-diskless-sync-delay': 0,
    ...settings,
  })
  const command = (/** @type {(string | number)[]} */ ...args) =>
    execFileSync('redis-cli', ['-p', String(server.port), '-e', ...args.map(String)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim()
  // Not a copy: its `pid` changes.
  return Object.assign(server, { busPort, command, id: command('cluster', 'myid') })
}

/** @param {ClusterServer} server */
function nodesOf(server) {
  return server
    .command('cluster', 'nodes')
    .split('\n')
    .map((line) => {
      const [id, , flags = '', , , , , , ...ranges] = line.trim().split(' ')
      const serves = (/** @type {number} */ slot) =>
        ranges.some((range) => {
          const [first, last = first] = range.split('-').map(Number)
          return Number(first) <= slot && slot <= Number(last)
        })
      return { id, flags: flags.split(','), serves }
    })
}

/** @param {{ slot: number, from: ClusterServer, to: ClusterServer, atHalf: (() => Promise<unknown>) | undefined }} move */
async function moveSlot({ slot, from, to, atHalf }) {
  to.command('cluster', 'setslot', slot, 'importing', from.id)
  from.command('cluster', 'setslot', slot, 'migrating', to.id)
  const total = Number(from.command('cluster', 'countkeysinslot', slot))
  let moved = 0
  for (let isHalf = false; ;) {
    const keys = from.command('cluster', 'getkeysinslot', slot, 100).split('\n').filter(Boolean)
    if (keys.length === 0) break
    from.command('migrate', '127.0.0.1', to.port, '', 0, 10_000, 'keys', ...keys)
    moved += keys.length
    if (!isHalf && moved >= total / 2) {
      isHalf = true
      await atHalf?.()
    }
    // Lets those who use the cluster have a turn.
    await sleep(1)
  }
  for (const server of [to, from]) server.command('cluster', 'setslot', slot, 'node', to.id)
  return moved
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** @param {string} what @param {() => boolean} probe */
async function until(what, probe) {
  for (const deadline = Date.now() + TIMEOUT_MS; !probe(); await sleep(50)) {
    if (Date.now() > deadline) throw new Error(`not within ${TIMEOUT_MS} ms: ${what}`)
  }
}
