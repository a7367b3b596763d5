import { MillraceError } from 'millrace'
import type { Pause, PauseStore, ValidPauseScope } from 'millrace/store'
import { scripts } from './generated/lua.ts'
import type { RedisInstance } from './instance.ts'
import { groupKey, groupOfKey, list, text } from './replies.ts'

export function pauseVerbs(instance: RedisInstance): PauseStore {
  return {
    async pause({ scope, options: { reason, by, until } }) {
      const rest = [reason ?? '', by ?? '', until?.getTime() ?? '']
      // Whether the end has passed is for the server's clock to say.
      if ((await instance.run(scripts.pause, [...scopeArguments(scope), ...rest])) === 1) return
      const remedy = 'Leave it out to pause until `resume`'
      throw new MillraceError(
        'OPTION_INVALID',
        `\`until\` must be in the future by the server's clock; got ${until?.toISOString()}. ${remedy}.`,
        { details: { field: 'until', value: until, remedy } },
      )
    },
    async resume({ scope }) {
      return (await instance.run(scripts.resume_paused, scopeArguments(scope))) === 1
    },
    async listPauses() {
      return list(await instance.run(scripts.list_pauses)).map((pause) => pauseRecord(list(pause)))
    },
  }
}

function scopeArguments({ jobType, queue, group, tenantId }: ValidPauseScope): string[] {
  return [jobType ?? '', groupKey(tenantId, group, queue) ?? '', tenantId ?? '']
}

/** A row of `list_pauses`. */
export function pauseRecord([jobType, key, tenant, reason, by, since, until]: readonly unknown[]): Pause {
  const tenantId = textOrNull(tenant)
  const { groupId, queue } = groupOfKey(textOrNull(key), tenantId)
  return {
    scope: {
      ...(jobType !== '' && { jobType: text(jobType) }),
      ...(queue !== null && { queue }),
      ...(groupId !== null && { group: groupId }),
      ...(tenantId !== null && { tenantId }),
    },
    reason: textOrNull(reason),
    by: textOrNull(by),
    pausedAt: new Date(Number(since)),
    until: until === '' ? null : new Date(Number(until)),
  }
}

function textOrNull(value: unknown): string | null {
  return value === '' ? null : text(value)
}
