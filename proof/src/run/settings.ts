/** The stores that a run can be of. */
export const STORE_NAMES = ['postgres', 'pglite', 'redis'] as const
export type StoreName = (typeof STORE_NAMES)[number]

/** Everything a run is started with. Conditions change it before anything starts. */
export interface Settings {
  readonly store: StoreName
  readonly seed: number
  readonly leaseMs: number
  readonly version: 18 | 14
  /** Of the server, by name. */
  readonly server: Record<string, string | number>
  /** Of the role that workers and producers connect as, by name. */
  readonly role: Record<string, string>
  /** Connections of one process's pool. */
  poolSize: number
  /** Whether the processes may only use what the owner granted them. */
  leastPrivilege: boolean
  /** Whether PgBouncer in transaction mode stands between the processes and the server. */
  pooler: boolean
  /** Whether the data directory lies on a small disk of its own, which can be filled up. */
  smallDisk: boolean
  /** How soon Redis has what it acknowledged on disk. */
  redisFsync: 'always' | 'everysec'
  /** By how many seconds the clock of each worker is wrong; workers take one after the other. */
  readonly clockSkewSeconds: number[]
  /** What the load contains besides well-behaved jobs. */
  readonly load: LoadOptions
}

export interface LoadOptions {
  /** Jobs that kill their own worker in each of their attempts. */
  lastAttempt: boolean
  /** Jobs that block the event loop for two leases. */
  blocked: boolean
  /** Payloads, fields and handlers as nobody should write them. */
  abuse: boolean
  /** Adds in transactions of a caller, and handlers that complete themselves in one. */
  readonly transactions: boolean
}

export function defaultSettings(options: Pick<Settings, 'store' | 'seed' | 'leaseMs' | 'version'>): Settings {
  return {
    ...options,
    // Connections few enough to be used up by a fault. Durability is as a user has it.
    server: { max_connections: 60, superuser_reserved_connections: 5 },
    role: {},
    poolSize: 4,
    leastPrivilege: false,
    pooler: false,
    smallDisk: false,
    redisFsync: 'always',
    clockSkewSeconds: [],
    load: { lastAttempt: false, blocked: false, abuse: false, transactions: options.store !== 'redis' },
  }
}
