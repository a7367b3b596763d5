import { MillraceError } from 'millrace'
import type { MigrateStore } from 'millrace/store'
import { checkServer, type ServerRules } from './check-server.ts'
import { scripts } from './generated/lua.ts'
import type { RedisInstance } from './instance.ts'
import { list, text } from './replies.ts'

/** How keys and fields are laid out; any other is refused. 1, which no release had, listed ids in sorted sets. */
const LAYOUT = 2

export function migrateVerbs(instance: RedisInstance, rules: ServerRules): MigrateStore {
  return {
    async migrate({ mode }) {
      await checkServer(instance, rules)
      const [layout, isNew] = list(await instance.run(scripts.migrate, [LAYOUT, mode === 'auto' ? 1 : 0]))
      if (layout === '') throw missing(instance.prefix)
      if (Number(layout) > LAYOUT) throw tooNew(instance.prefix, text(layout))
      if (Number(layout) < LAYOUT) throw tooOld(instance.prefix, text(layout))
      return { applied: isNew === 1 ? [`layout ${LAYOUT}`] : [] }
    },
  }
}

function missing(prefix: string): MillraceError {
  return new MillraceError('SCHEMA_MISSING', `Redis has no instance under \`${prefix}\`, and \`migrate\` is 'check'.`, {
    details: { field: 'keyPrefix', value: prefix, remedy: "Check `keyPrefix`, or open it once with `migrate: 'auto'`" },
  })
}

function tooNew(prefix: string, layout: string): MillraceError {
  return new MillraceError(
    'SCHEMA_TOO_NEW',
    `The instance under \`${prefix}\` has layout ${layout}; this version reads layout ${LAYOUT}. Upgrade \`@millrace/redis\`.`,
    { details: { field: 'keyPrefix', value: prefix, remedy: 'Upgrade `millrace` and `@millrace/redis`' } },
  )
}

function tooOld(prefix: string, layout: string): MillraceError {
  const remedy = 'Finish its jobs with the version that made it, or use another `keyPrefix`'
  return new MillraceError(
    'SCHEMA_OUTDATED',
    `The instance under \`${prefix}\` has layout ${layout}; this version reads layout ${LAYOUT}. ${remedy}.`,
    { details: { field: 'keyPrefix', value: prefix, remedy } },
  )
}
