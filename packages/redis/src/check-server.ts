import { MillraceError } from 'millrace'
import type { RedisInstance } from './instance.ts'

export interface ServerRules {
  /** Works on a server that may delete jobs when its memory is full. */
  readonly allowEviction: boolean
  /** Told of what makes the server less safe than it could be. */
  readonly warn: (message: string) => void
}

/** Scripts declare what they do in a header that older servers cannot read. */
const OLDEST = 7

/**
 * Refuses a server that would lose jobs, and warns of one that could.
 *
 * @throws MillraceError `CONFIG_INVALID`
 */
export async function checkServer(instance: RedisInstance, rules: ServerRules): Promise<void> {
  const info = await instance.command('info', () => instance.client.info())
  const version = value(info, 'redis_version') ?? '0'
  if (Number.parseInt(version, 10) < OLDEST) throw tooOld(version)
  // Managed servers often have no CONFIG; INFO tells the policy as well.
  const policy = value(info, 'maxmemory_policy')
  if (policy !== undefined && policy !== 'noeviction') {
    if (!rules.allowEviction) throw evicts(policy)
    rules.warn(`millrace: Redis deletes keys when its memory is full (maxmemory-policy ${policy}): jobs will be lost.`)
  }
  if (value(info, 'aof_enabled') === '0')
    rules.warn(
      'millrace: Redis keeps no append-only file: a crash of the server loses jobs. Set `appendonly yes`, and `appendfsync always` ' +
        'to lose none that was acknowledged.',
    )
}

function value(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1]
}

function tooOld(version: string): MillraceError {
  return new MillraceError('CONFIG_INVALID', `Redis ${version} is too old: 7.0 or Valkey 7.2 is needed.`, {
    details: { field: 'redisConfig', value: version, remedy: 'Upgrade the server' },
  })
}

function evicts(policy: string): MillraceError {
  const remedy = 'Set `maxmemory-policy noeviction` on the server, or `allowEviction: true` to accept the loss'
  return new MillraceError(
    'CONFIG_INVALID',
    `Redis is set to delete keys when its memory is full (maxmemory-policy ${policy}), which loses jobs. ${remedy}.`,
    { details: { field: 'maxmemory-policy', value: policy, remedy } },
  )
}
