/** One Redis server with an append-only file that is synced every second, and one of its databases per participant. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { startRedis } from '../../tools/servers/redis.mjs'
import { nowMs, treeCpuMs, watchForeignCpu } from './machine.mjs'

const DATABASES = 16

const SHOWN = [
  'appendonly',
  'appendfsync',
  'auto-aof-rewrite-percentage',
  'save',
  'maxmemory',
  'hash-max-listpack-value',
  'hash-max-listpack-entries',
  'io-threads',
]

/** The same as `openServer` of `databases.mjs`; see there. */
export async function openRedisServer() {
  const redis = await startRedis({ appendonly: 'yes', appendfsync: 'everysec' })
  const admin = new Redis(redis.url)
  /** @type {string[]} */
  const names = []
  /** @param {string} name */
  const numberOf = (name) => {
    if (!names.includes(name)) names.push(name)
    const number = names.indexOf(name) + 1
    if (number >= DATABASES) throw new Error(`more than ${DATABASES - 1} databases`)
    return number
  }
  /** @param {string} name */
  const empty = async (name) => {
    await admin.multi().select(numberOf(name)).flushdb().select(0).exec()
  }
  return {
    log: redis.log,
    dataDir: '',
    urlOf: (/** @type {string} */ name) => `${redis.url}/${numberOf(name)}`,
    drop: empty,
    /** An instance needs no template: it makes itself. @param {string} name */
    create: (name) => empty(name),
    /** So that nobody pays for what another participant left to be synced. */
    async checkpoint() {
      await admin.call('WAITAOF', 1, 0, 5000).catch(() => undefined)
    },
    watchCpu() {
      const start = treeCpuMs(redis.pid)
      const startAt = nowMs()
      return {
        /** @param {number} jobs */
        usPer: (jobs) => ((treeCpuMs(redis.pid) - start) * 1000) / jobs,
        percent: () => ((treeCpuMs(redis.pid) - start) / (nowMs() - startAt)) * 100,
        foreignCores: watchForeignCpu(redis.pid),
      }
    },
    /** Bytes that the server has allocated. */
    async usedMemory() {
      return Number(/used_memory:(\d+)/.exec(await admin.info('memory'))?.[1])
    },
    countCommands: (/** @type {number} */ ms) => countCommands(admin, ms),
    /** @returns {Promise<Record<string, string>>} */
    async settings() {
      const all = await Promise.all(SHOWN.map((name) => admin.config('GET', name)))
      return Object.fromEntries([['server_version', redis.version], .../** @type {any[]} */ (all)])
    },
    async stop() {
      admin.disconnect()
      await redis.stop()
    },
  }
}

/** How many commands clients send in this time; those that scripts run are not counted. @param {Redis} admin @param {number} ms */
async function countCommands(admin, ms) {
  const monitor = await admin.monitor()
  let count = 0
  monitor.on('monitor', (_time, _args, source) => {
    if (source !== 'lua') count++
  })
  await sleep(ms)
  monitor.disconnect()
  return count
}
