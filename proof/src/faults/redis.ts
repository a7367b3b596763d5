import type { RedisFault } from './fault.ts'
import { repeat } from './repeat.ts'

/** What may be lost of what was acknowledged before a crash with `appendfsync everysec`, or before a replica was promoted. */
const MOST_LOST_MS = 2000

/** SIGKILL with `appendfsync always`: nothing that was acknowledged may be missing. */
export const crashRedis: RedisFault = {
  name: 'redis-kill',
  kind: 'event',
  effect: 'server',
  place: 'redis',
  weight: 2,
  holdMs: () => [0, 0],
  inject: ({ redis, random }) => redis.crash(random.integer(0, 1500)),
}

/** SIGKILL with `appendfsync everysec`. */
export const crashLossyRedis: RedisFault = {
  ...crashRedis,
  name: 'redis-kill-everysec',
  losesMs: MOST_LOST_MS,
  isByName: true,
  arrange: (settings) => void (settings.redisFsync = 'everysec'),
}

/** As a loss of power with `appendfsync everysec`: up to the last 1.5 s are not on disk. */
export const losePower: RedisFault = {
  ...crashLossyRedis,
  name: 'redis-power-loss',
  inject: ({ redis, random }) => redis.losePower(random.integer(300, 1500), random.integer(0, 1500)),
}

/** The server is lost and a replica of it promoted. Replication is asynchronous. */
export const promoteReplica: RedisFault = {
  name: 'redis-failover',
  kind: 'event',
  effect: 'server',
  place: 'redis',
  losesMs: MOST_LOST_MS,
  isByName: true,
  holdMs: () => [0, 0],
  inject: ({ redis }) => redis.failOver(),
}

/** The server has no memory for anything new. */
export const fullMemory: RedisFault = {
  name: 'redis-oom',
  kind: 'event',
  effect: 'refuse',
  place: 'redis',
  holdMs: () => [2000, 4000],
  inject: ({ redis, completed }) => redis.fillMemory(completed),
}

/** The server forgets every script, ten times a second. */
export const forgetScripts: RedisFault = {
  name: 'script-flush',
  kind: 'event',
  effect: 'none',
  place: 'redis',
  holdMs: () => [1500, 4000],
  inject: ({ redis }) => repeat(() => redis.forgetScripts(), 100),
}

/** `CLIENT KILL` of one random connection at a time, five to fifteen a second. */
export const killClients: RedisFault = {
  name: 'client-kill',
  kind: 'event',
  effect: 'connection',
  place: 'redis',
  weight: 2,
  holdMs: () => [1500, 4000],
  inject: ({ redis, random }) => repeat(() => redis.killOneClient(random.next()), 1000 / random.integer(5, 15)),
}

/** Somebody's script keeps the server busy: nobody is answered. */
export const busyRedis: RedisFault = {
  name: 'redis-busy',
  kind: 'event',
  effect: 'cut',
  place: 'redis',
  holdMs: () => [0, 0],
  inject: ({ redis, random }) => redis.keepBusy(random.integer(500, 4000)),
}
