export { openRedis } from './open.ts'
export type { OpenedRedis, OpenRedisOptions, RedisConnectionConfig, RedisTlsConfig } from './open.ts'
