import type { ProxyTarget } from './proxy.ts'
import { type PostgresServer, type StopMode } from './server.ts'
import type { Settings } from './settings.ts'
/** Who the processes of a run connect as, and to what. */
export declare const APP_ROLE = 'proof_app'
export declare const OWNER_ROLE = 'proof_owner'
export declare const DATABASE = 'proof'
export declare const SCHEMA = 'millrace'
/** What producers write beside their jobs, in one transaction. */
export declare const BUSINESS_TABLE = 'public.proof_business'
/** The database server of a run, as its administrator has it. */
export declare class Database {
  #private
  /** Told when the server is another one. */
  onMoved: (target: ProxyTarget) => Promise<void> | void
  private constructor()
  static start(settings: Settings): Promise<Database>
  get server(): PostgresServer
  get settings(): Settings
  get target(): ProxyTarget
  /** The address of the run's database for a role, through `port` if given. */
  url(role: string, port?: number): string
  /** Runs SQL as a superuser, directly on the server. */
  sql(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>
  /** Resolves once the server takes statements again. */
  answers(withinMs?: number): Promise<void>
  restart(mode: StopMode, pauseMs: number): Promise<void>
  /** Ends one connection of the run's processes. */
  terminateOne(dice: number): Promise<void>
  /** Kills the process of one connection, which makes the server end all others and recover. */
  crashOne(dice: number): Promise<void>
  /** Holds the table of live jobs under an exclusive lock until the answer is called. */
  lockJobs(): Promise<() => Promise<void>>
  /** Takes every place for a connection that is or comes free, until the answer is called. */
  takeAllConnections(): Promise<() => Promise<void>>
  /** From now on `server` is the database; the one before stays as it is. */
  moveTo(server: PostgresServer): Promise<void>
  stop(): Promise<void>
  /** Gives the application's role the settings it is to have. */
  restrict(): Promise<void>
  /** What the documentation tells the owner to grant to the application's role. */
  grant(): Promise<void>
}
//# sourceMappingURL=database.d.ts.map
