import { initJobQueue, type JobQueue } from 'millrace'
import type { Backend } from './backend.ts'
import type { Proxy, ProxyTarget } from './proxy.ts'
import { RedisServer } from './redis-server.ts'
import type { Settings } from './settings.ts'
import { REDIS_PREFIX, type Connection } from './task.ts'

/** A Redis server of the run's own. */
export class RedisBackend implements Backend {
  readonly database = undefined
  readonly redis: RedisServer

  private constructor(redis: RedisServer) {
    this.redis = redis
  }

  static async start(settings: Settings): Promise<RedisBackend> {
    const backend = new RedisBackend(await RedisServer.start(settings))
    const queue = backend.openQueue()
    await queue.ready()
    await queue.close()
    return backend
  }

  get target(): ProxyTarget {
    return this.redis.target
  }

  connectionFor(proxy: Proxy): Connection {
    return { store: 'redis', port: proxy.port }
  }

  onMoved(listener: (target: ProxyTarget) => void): void {
    this.redis.onMoved = listener
  }

  openQueue(): JobQueue {
    return initJobQueue({ backend: 'redis', redisConfig: { url: this.redis.url }, keyPrefix: REDIS_PREFIX })
  }

  clock(): Promise<number> {
    return this.redis.clock()
  }

  log(): string {
    return this.redis.log()
  }

  stop(): Promise<void> {
    return this.redis.stop()
  }
}
