import { randomBytes } from 'node:crypto'
import { Redis } from 'ioredis'
import { initJobQueue, type JobQueue, type RedisJobQueueConfig } from 'millrace'
import { afterEach } from 'vitest'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

/** A prefix that no other test has. */
export function freshPrefix(): string {
  return `test_${randomBytes(6).toString('hex')}:`
}

/** A queue on the server, closed after the test. */
export function openQueue(url: string, keyPrefix: string, more: Partial<RedisJobQueueConfig> = {}): JobQueue {
  return openQueueWith({ redisConfig: { url }, keyPrefix, ...more })
}

/** The same, wherever the configuration says. */
export function openQueueWith(config: Omit<RedisJobQueueConfig, 'backend'>): JobQueue {
  const queue = initJobQueue({ ...config, backend: 'redis' })
  closing.push(() => queue.close({ drainMs: 2000 }))
  return queue
}

/** A client beside the queue, closed after the test. */
export function openClient(url: string): Redis {
  const client = new Redis(url, { retryStrategy: () => 50 })
  client.on('error', () => undefined)
  closing.push(async () => client.disconnect())
  return client
}

/** Ends after the test, before what was opened earlier. */
export function endAfterTest(end: () => Promise<unknown>): void {
  closing.push(end)
}
