import { readdir, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { ProxyTarget } from './proxy.ts'
import type { Settings } from './settings.ts'

/** The part of `tools/servers/redis.mjs` that a run uses. */
interface Server {
  readonly url: string
  readonly port: number
  readonly pid: number
  log(): string
  kill(): Promise<void>
  restart(): Promise<void>
  stop(): Promise<void>
}

type ServerSettings = Readonly<Record<string, string | number>>

const ADMIN_NAME = 'proof-admin'

/** The Redis server of a run, as its administrator has it. */
export class RedisServer {
  #server: Server
  #admin: Redis
  readonly #settings: Settings
  readonly #logs: string[] = []
  /** How often memory was full, and how often somebody was refused for it, or completed a job all the same. */
  #timesFull = 0
  #timesNoticed = 0
  #timesCompleted = 0
  /** Told when the server is another one. */
  onMoved: (target: ProxyTarget) => void = () => undefined

  private constructor(server: Server, settings: Settings) {
    this.#server = server
    this.#settings = settings
    this.#admin = openAdmin(server)
  }

  static async start(settings: Settings): Promise<RedisServer> {
    return new RedisServer(await startServer(persistence(settings)), settings)
  }

  get url(): string {
    return this.#server.url
  }

  get target(): ProxyTarget {
    return { host: '127.0.0.1', port: this.#server.port }
  }

  /** What a fault was to do and did not in the whole run. */
  get problems(): readonly string[] {
    if (this.#timesFull === 0) return []
    return [
      ...(this.#timesNoticed === 0 ? ['memory was full, and nobody was refused for it'] : []),
      ...(this.#timesCompleted === 0 ? ['memory was full, and no job completed meanwhile'] : []),
    ]
  }

  log(): string {
    return [...this.#logs, this.#server.log()].join('\n')
  }

  /** Milliseconds since 1970. */
  async clock(): Promise<number> {
    const [seconds, micros] = await this.#admin.time()
    return Number(seconds) * 1000 + Number(micros) / 1000
  }

  /** SIGKILL, and a start on what it had written. */
  async crash(pauseMs: number): Promise<void> {
    await this.#server.kill()
    await sleep(pauseMs)
    await this.#server.restart()
    await this.answers()
  }

  /** As a machine that loses its power: what was written in the last `lostMs` has not reached the disk, to within a few bytes. */
  async losePower(lostMs: number, pauseMs: number): Promise<void> {
    const file = await this.#appendOnlyFile()
    const { size } = await stat(file)
    await sleep(lostMs)
    await this.#server.kill()
    // In the middle of a command, too.
    await truncate(file, Math.max(0, size - 7))
    await sleep(pauseMs)
    await this.#server.restart()
    await this.answers()
    await this.#rewrite()
  }

  /**
   * As the guide tells an operator to. Seen with Redis 7.0.15: a file that ends in the middle of a transaction's command is cut off after
   * the last whole one, which leaves a transaction without an end, and at the next start what had been dropped is run after all.
   */
  async #rewrite(): Promise<void> {
    await this.#admin.bgrewriteaof()
    for (;;) {
      const info = await this.#admin.info('persistence')
      if (/aof_rewrite_in_progress:0/.test(info) && /aof_rewrite_scheduled:0/.test(info)) return
      await sleep(20)
    }
  }

  async #appendOnlyFile(): Promise<string> {
    const [, dir = ''] = (await this.#admin.config('GET', 'dir')) as string[]
    const folder = join(dir, 'appendonlydir')
    const [newest] = (await readdir(folder))
      .filter((name) => name.endsWith('.incr.aof'))
      .toSorted((a, b) => sequence(b) - sequence(a))
    if (newest === undefined) throw new Error('the server has no append-only file')
    return join(folder, newest)
  }

  /** Ends one connection of the run's processes. */
  async killOneClient(dice: number): Promise<void> {
    const list = String(await this.#admin.client('LIST'))
    const ids = list
      .split('\n')
      .filter((line) => line !== '' && !line.includes(` name=${ADMIN_NAME} `))
      .flatMap((line) => /^id=(\d+) /.exec(line)?.[1] ?? [])
    const id = ids[Math.floor(dice * ids.length)]
    if (id !== undefined) await this.#admin.client('KILL', 'ID', id)
  }

  async forgetScripts(): Promise<void> {
    await this.#admin.script('FLUSH')
  }

  /** Somebody's script keeps the server from everything else for so long. */
  async keepBusy(ms: number): Promise<void> {
    const script = `local t = redis.call('TIME') local till = t[1] * 1000 + t[2] / 1000 + ARGV[1]
      repeat t = redis.call('TIME') until t[1] * 1000 + t[2] / 1000 > tonumber(ARGV[1]) and t[1] * 1000 + t[2] / 1000 > till`
    await this.#admin.eval(script, 0, ms)
  }

  /** No memory for anything new until the answer is called. `completed` counts completions, by way of no fault. */
  async fillMemory(completed: () => Promise<number>): Promise<() => Promise<void>> {
    const [refusedBefore, completedBefore] = [await this.#refusedForMemory(), await completed()]
    await this.#admin.config('SET', 'maxmemory', '1mb')
    return async () => {
      const completedNow = await completed()
      await this.#admin.config('SET', 'maxmemory', '0')
      this.#timesFull++
      if ((await this.#refusedForMemory()) > refusedBefore) this.#timesNoticed++
      if (completedNow > completedBefore) this.#timesCompleted++
    }
  }

  async #refusedForMemory(): Promise<number> {
    const info = await this.#admin.info('errorstats')
    return Number(/errorstat_OOM:count=(\d+)/.exec(info)?.[1] ?? 0)
  }

  /** The server is lost, and a replica of it promoted; replication is asynchronous. */
  async failOver(): Promise<void> {
    const before = this.#server
    const replica = await startServer(persistence(this.#settings))
    const admin = openAdmin(replica)
    await admin.replicaof('127.0.0.1', before.port)
    for (const deadline = performance.now() + 20_000; ; await sleep(20)) {
      if ((await admin.info('replication')).includes('master_link_status:up')) break
      if (performance.now() > deadline) throw new Error('the replica does not catch up')
    }
    await before.kill()
    await admin.replicaof('NO', 'ONE')
    this.#admin.disconnect()
    this.#logs.push(before.log())
    this.#server = replica
    this.#admin = admin
    await this.answers()
    this.onMoved(this.target)
    await before.stop()
  }

  /** Resolves once everything that was acknowledged is on disk. */
  async settles(): Promise<void> {
    if (this.#settings.redisFsync === 'everysec') await sleep(2500)
  }

  /** Resolves once the server takes commands again. */
  async answers(withinMs = 30_000): Promise<void> {
    for (const deadline = performance.now() + withinMs; ; await sleep(20)) {
      try {
        await this.#admin.ping()
        return
      } catch (error) {
        if (performance.now() > deadline) throw new Error('the server does not come back', { cause: error })
      }
    }
  }

  async stop(): Promise<void> {
    this.#admin.disconnect()
    await this.#server.stop()
  }
}

/** `appendonly.aof.12.incr.aof`: 12. */
function sequence(name: string): number {
  return Number(/\.(\d+)\.incr\.aof$/.exec(name)?.[1])
}

function persistence({ redisFsync }: Settings): ServerSettings {
  return {
    appendonly: 'yes',
    appendfsync: redisFsync,
    'auto-aof-rewrite-percentage': 0,
    'repl-diskless-sync-delay': 0,
  }
}

function openAdmin({ url }: Server): Redis {
  const admin = new Redis(url, {
    connectionName: ADMIN_NAME,
    maxRetriesPerRequest: 0,
    retryStrategy: () => 50,
  })
  admin.on('error', () => undefined)
  return admin
}

async function startServer(settings: ServerSettings): Promise<Server> {
  const { startRedis } = await serverModule()
  return startRedis(settings)
}

/** Why there can be no Redis server here, if so. */
export async function missingRedis(): Promise<string | undefined> {
  const { findRedis } = await serverModule()
  return findRedis() === undefined ? 'redis-server is not installed (Debian: redis-server)' : undefined
}

async function serverModule(): Promise<{
  readonly findRedis: () => string | undefined
  readonly startRedis: (settings: ServerSettings) => Promise<Server>
}> {
  return import(new URL('../../../tools/servers/redis.mjs', import.meta.url).href)
}
