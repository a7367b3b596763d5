/** Everything a run is started with. Conditions change it before anything starts. */
export interface Settings {
  readonly store: 'postgres' | 'pglite'
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
}
export declare function defaultSettings(options: Pick<Settings, 'store' | 'seed' | 'leaseMs' | 'version'>): Settings
//# sourceMappingURL=settings.d.ts.map
