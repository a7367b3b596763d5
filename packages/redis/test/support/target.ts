import { Redis } from 'ioredis'
import type { ModelTarget } from '../../../core/test/support/model-target.ts'
import { openRedis } from '../../src/index.ts'
import { modelHooks } from './model.ts'

export interface RedisTarget extends ModelTarget {
  /** Makes the lease of every worker run out. */
  readonly expireAll: () => Promise<void>
  readonly close: () => Promise<void>
}

/** An instance of its own on a server, made; `close` removes it. */
export async function openRedisTarget(url: string, keyPrefix: string): Promise<RedisTarget> {
  const admin = new Redis(url)
  const tag = `{${keyPrefix}}`
  const { store } = openRedis({ config: { url }, keyPrefix })
  const uninstall = async (): Promise<void> => {
    const keys = await keysOf(admin, tag)
    if (keys.length > 0) await admin.unlink(...keys)
  }
  const reset = async (): Promise<void> => {
    // Ids and tokens go on, as those of a sequence do.
    const kept = new Set([`${tag}ids`, `${tag}tokens`, `${tag}worker_ids`])
    const keys = (await keysOf(admin, tag)).filter((key) => !kept.has(key))
    if (keys.length > 0) await admin.unlink(...keys)
    await store.migrate({ mode: 'auto' })
  }
  const expire = async (worker: string): Promise<void> => {
    await admin.zadd(`${tag}wx`, 'XX', 1, worker)
    await admin.zadd(`${tag}ws`, 'XX', 1, worker)
  }
  await uninstall()
  await store.migrate({ mode: 'auto' })
  return {
    store,
    expireWorker: (worker) => expire(String(worker)),
    async expireAll() {
      for (const worker of await admin.zrange(`${tag}wx`, 0, -1)) await expire(worker)
    },
    ageFinished: (id, days) => ageFinished(admin, tag, id, days),
    openAnother: () => Promise.resolve(openRedis({ config: { url }, keyPrefix }).store),
    uninstall,
    reset,
    ...modelHooks(admin, tag, store),
    async close() {
      await store.close()
      await uninstall()
      admin.disconnect()
    },
  }
}

async function keysOf(admin: Redis, tag: string): Promise<string[]> {
  const keys: string[] = []
  for (let cursor = '0'; ;) {
    const [next, found] = await admin.scan(cursor, 'MATCH', `${tag}*`, 'COUNT', 10_000)
    keys.push(...found)
    cursor = next
    if (cursor === '0') return [...new Set(keys)]
  }
}

/** Moves a completion into the past, in the job and in the lists that are in the order of completion. */
async function ageFinished(admin: Redis, tag: string, id: number, days: number): Promise<void> {
  const ended = Number(await admin.hget(`${tag}j:${id}`, 'fin'))
  await admin.hset(`${tag}j:${id}`, 'fin', ended - days * 86_400_000)
  for (const name of ['ended:f', 'ended:c']) await admin.zadd(`${tag}${name}`, 'XX', 'INCR', -days * 86_400_000, id)
  for (const name of ['finished', 'trails']) {
    const ids = await admin.lrange(`${tag}${name}`, 0, -1)
    const times = new Map<string, number>()
    for (const one of ids) times.set(one, Number(await admin.hget(`${tag}j:${one}`, 'fin')))
    const sorted = ids.toSorted((a, b) => (times.get(a) ?? 0) - (times.get(b) ?? 0))
    if (sorted.length > 0)
      await admin
        .multi()
        .del(`${tag}${name}`)
        .rpush(`${tag}${name}`, ...sorted)
        .exec()
  }
}
