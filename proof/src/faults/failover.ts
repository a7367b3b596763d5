import type { ServerFault } from './fault.ts'

/**
 * The primary is lost, its synchronous standby is promoted, and the network leads there: at first while it still refuses to
 * write, as in a failover that takes its time. Nothing that was acknowledged may be missing.
 */
export const failover: ServerFault = {
  name: 'failover',
  kind: 'event',
  effect: 'server',
  place: 'server',
  holdMs: () => [0, 0],
  arrange: ({ server }) => void Object.assign(server, { wal_keep_size: '96MB' }),
  inject: ({ database, random }) => database.failOver(random.integer(500, 2000)),
}
