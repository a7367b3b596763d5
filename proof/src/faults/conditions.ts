import { existsSync } from 'node:fs'
import type { ConditionFault } from './fault.ts'

/** A pool of one connection in every process. */
export const poolOfOne: ConditionFault = {
  name: 'pool-of-one',
  kind: 'condition',
  effect: 'none',
  arrange: (settings) => void (settings.poolSize = 1),
}

/** The role's default isolation is serializable: 40001 on any statement. */
export const serializable: ConditionFault = {
  name: 'serializable',
  kind: 'condition',
  effect: 'none',
  arrange: ({ role }) => void (role['default_transaction_isolation'] = 'serializable'),
}

/** Time limits on the role that a careful administrator might set, and a tight one. */
export const roleTimeouts: ConditionFault = {
  name: 'role-timeouts',
  kind: 'condition',
  effect: 'none',
  arrange: ({ role }) =>
    void Object.assign(role, {
      statement_timeout: '500ms',
      lock_timeout: '100ms',
      idle_in_transaction_session_timeout: '500ms',
    }),
}

/** The processes have the rights the documentation lists, and no others; the owner migrates. */
export const leastPrivilege: ConditionFault = {
  name: 'least-privilege',
  kind: 'condition',
  effect: 'none',
  arrange: (settings) => void (settings.leastPrivilege = true),
}

/** PgBouncer in transaction mode between the processes and the server. */
export const pgbouncer: ConditionFault = {
  name: 'pgbouncer',
  kind: 'condition',
  effect: 'none',
  missing: () => (existsSync('/usr/sbin/pgbouncer') ? undefined : 'pgbouncer is not installed (Debian: pgbouncer)'),
  arrange: (settings) => void (settings.pooler = true),
}

export const FAKETIME_LIBRARIES: readonly string[] = [
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1',
]

/** The clocks of the workers are wrong by hours, each by another amount. An embedded database has no clock but theirs. */
export const wrongClocks: ConditionFault = {
  name: 'wrong-clocks',
  kind: 'condition',
  effect: 'clock',
  missing: () =>
    FAKETIME_LIBRARIES.some((path) => existsSync(path)) ? undefined : 'libfaketime is not installed (Debian: faketime)',
  arrange: ({ clockSkewSeconds }) => void clockSkewSeconds.push(3600, -3600, 5 * 3600 + 17),
}

/** Jobs that kill their own worker in every attempt they have: 1 or 2. */
export const lastAttempt: ConditionFault = {
  name: 'last-attempt',
  kind: 'condition',
  isOfLoad: true,
  effect: 'none',
  arrange: ({ load }) => void (load.lastAttempt = true),
}

/** Handlers that block the event loop for two leases. */
export const blockedLoop: ConditionFault = {
  name: 'blocked-loop',
  kind: 'condition',
  isOfLoad: true,
  effect: 'none',
  arrange: ({ load }) => void (load.blocked = true),
}

/** Payloads, fields and handlers as nobody should write them. */
export const abuse: ConditionFault = {
  name: 'abuse',
  kind: 'condition',
  isOfLoad: true,
  effect: 'none',
  arrange: ({ load }) => void (load.abuse = true),
}
