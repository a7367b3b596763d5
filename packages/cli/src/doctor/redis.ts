import type { JobQueue, MillraceError } from 'millrace'
import type { Check } from './check.ts'

interface Client {
  info(): Promise<string>
}

/** What the server is set to, as far as it decides whether jobs outlive it. */
export async function checkRedis(queue: JobQueue): Promise<readonly Check[]> {
  const client = queue.getRedisClient<Client & ReturnType<JobQueue['getRedisClient']>>()
  const info = await client.info()
  const value = (name: string): string => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? ''
  return [eviction(value('maxmemory_policy')), persistence(value)]
}

/**
 * What a server is refused for at the start, as a finding: nothing else can be looked at then. `undefined`: the error says something
 * else.
 */
export function refusedServer({ code, message, details }: MillraceError): Check | undefined {
  if (code !== 'CONFIG_INVALID') return undefined
  if (details.field === 'maxmemory-policy') return eviction(String(details.value))
  if (details.field !== 'redisConfig' || !message.includes('too old')) return undefined
  return { name: 'version', ok: false, detail: message, next: 'upgrade the server' }
}

function eviction(policy: string): Check {
  const name = 'eviction'
  if (policy === '' || policy === 'noeviction')
    return { name, ok: true, detail: 'nothing is deleted for want of memory' }
  const detail = `the server deletes keys when its memory is full (maxmemory-policy ${policy}): jobs will be lost`
  return {
    name,
    ok: false,
    detail,
    next: 'redis-cli config set maxmemory-policy noeviction, and the same in redis.conf',
  }
}

function persistence(value: (name: string) => string): Check {
  const name = 'persistence'
  const failed = ['rdb_last_bgsave_status', 'aof_last_bgrewrite_status', 'aof_last_write_status'].filter(
    (status) => value(status) === 'err',
  )
  if (failed.length > 0) {
    const detail = `the server could not write its file (${failed.join(', ')}): by default it then takes no jobs`
    return { name, ok: false, detail, next: 'look at its log: is the disk full, or its folder gone?' }
  }
  if (value('aof_enabled') === '0') {
    const next =
      'redis-cli config set appendonly yes, and the same in redis.conf; appendfsync always loses nothing at all'
    return { name, ok: false, detail: 'the server keeps no append-only file: its crash loses jobs', next }
  }
  return { name, ok: true, detail: 'there is an append-only file' }
}
