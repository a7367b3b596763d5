import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { ProxyTarget } from './proxy.ts'
import { startServer, type PostgresServer, type StopMode } from './server.ts'
import { SmallDisk } from './small-disk.ts'
import { promote, startStandby } from './standby.ts'
import type { Settings } from './settings.ts'

/** Who the processes of a run connect as, and to what. */
export const APP_ROLE = 'proof_app'
export const OWNER_ROLE = 'proof_owner'
export const DATABASE = 'proof'
export const SCHEMA = 'millrace'
/** What producers write beside their jobs, in one transaction. */
export const BUSINESS_TABLE = 'public.proof_business'
/** What handlers write in the transaction that completes their job. */
export const EFFECTS_TABLE = 'public.proof_effects'
export const TABLES: readonly string[] = [
  `create table ${BUSINESS_TABLE} (tx text primary key)`,
  `create table ${EFFECTS_TABLE} (job bigint not null)`,
]

const ADMIN_NAME = 'proof-admin'
const STANDBY_TRIES = 4

/** The database server of a run, as its administrator has it. */
export class Database {
  #server: PostgresServer
  readonly #settings: Settings
  readonly #disk: SmallDisk | undefined
  #admin: pg.Pool
  /** How often the disk was full, and how often somebody was refused for it. */
  #timesFull = 0
  #timesNoticed = 0
  /** Told when the server is another one. */
  onMoved: (target: ProxyTarget) => Promise<void> | void = () => undefined

  private constructor(server: PostgresServer, settings: Settings, disk: SmallDisk | undefined) {
    this.#disk = disk
    this.#server = server
    this.#settings = settings
    this.#admin = openAdmin(server)
  }

  static async start(settings: Settings): Promise<Database> {
    const { version, server } = settings
    const disk = settings.smallDisk ? await SmallDisk.mount() : undefined
    const within = disk === undefined ? {} : { within: disk.path }
    const started = await startServer({ version, settings: server, ...within })
    const database = new Database(started, settings, disk)
    await database.#arrange(started)
    return database
  }

  get server(): PostgresServer {
    return this.#server
  }

  /** What a fault was to do and did not in the whole run. */
  get problems(): readonly string[] {
    return this.#timesFull > 0 && this.#timesNoticed === 0 ? ['the disk was full, and nobody was refused for it'] : []
  }

  get settings(): Settings {
    return this.#settings
  }

  get target(): ProxyTarget {
    return { host: this.#server.host, port: this.#server.port }
  }

  /** The address of the run's database for a role, through `port` if given. */
  url(role: string, port: number = this.#server.port): string {
    return `postgres://${role}@127.0.0.1:${port}/${DATABASE}`
  }

  /** Runs SQL as a superuser, directly on the server. */
  async sql(text: string, values?: unknown[]): Promise<Record<string, unknown>[]> {
    const { rows } = await this.#admin.query<Record<string, unknown>>(text, values)
    return rows
  }

  /** Resolves once the server takes statements again. */
  async answers(withinMs = 60_000): Promise<void> {
    for (const deadline = performance.now() + withinMs; ; await sleep(20)) {
      try {
        await this.sql('select 1')
        return
      } catch (error) {
        if (performance.now() > deadline) throw new Error('the server does not come back', { cause: error })
      }
    }
  }

  async restart(mode: StopMode, pauseMs: number): Promise<void> {
    await this.#server.restart(mode, pauseMs)
    await this.answers()
  }

  /** Ends one connection of the run's processes. */
  async terminateOne(dice: number): Promise<void> {
    await this.#onOne('pg_terminate_backend', dice)
  }

  /** Kills the process of one connection, which makes the server end all others and recover; resolves once it has. */
  async crashOne(dice: number): Promise<void> {
    const witness = await this.#session()
    const isNoticed = new Promise<void>((resolve) => {
      witness.once('end', () => resolve())
    })
    const pid = await this.#onOne('', dice)
    if (pid === undefined) return witness.end()
    // On a busy machine it may have ended by itself since.
    if (!killed(pid)) return witness.end()
    // Until the server has noticed it goes on answering.
    await isNoticed
    await this.answers()
  }

  /** Holds the table of live jobs under an exclusive lock until the answer is called. */
  async lockJobs(): Promise<() => Promise<void>> {
    const client = await this.#session()
    await client.query('begin')
    await client.query(`lock table ${SCHEMA}.jobs in access exclusive mode`)
    return () => client.end()
  }

  /** Takes every place for a connection that is or comes free, until the answer is called. */
  async takeAllConnections(): Promise<() => Promise<void>> {
    const taken: pg.Client[] = []
    const stop = new AbortController()
    const taking = (async () => {
      while (!stop.signal.aborted) {
        const client = new pg.Client({ connectionString: this.url(OWNER_ROLE), application_name: ADMIN_NAME })
        client.on('error', () => undefined)
        await client.connect().then(
          () => taken.push(client),
          () => sleep(20),
        )
        // Some of those who are connected lose their place.
        if (taken.length % 4 === 3) await this.terminateOne(0.5).catch(() => undefined)
      }
    })()
    return async () => {
      stop.abort()
      await taking
      await Promise.all(taken.map((client) => client.end().catch(() => undefined)))
    }
  }

  /** Fills the server's disk until the answer is called; then sees to it that the server runs again. */
  fillDisk(): () => Promise<void> {
    const disk = this.#disk
    if (disk === undefined) throw new Error('the server is not on a small disk')
    const refusedBefore = this.#refusedForRoom()
    disk.fill()
    return async () => {
      disk.free()
      await this.#revive()
      this.#timesFull++
      if (this.#refusedForRoom() > refusedBefore) this.#timesNoticed++
    }
  }

  /** The same, with the room that was set aside for the server's log used up too: it cannot even end what it has begun. */
  async fillLog(): Promise<() => Promise<void>> {
    const free = this.fillDisk()
    await this.sql('select pg_switch_wal()').catch(() => undefined)
    return free
  }

  #refusedForRoom(): number {
    return this.#server.log().split('No space left on device').length
  }

  /** Replaces the server by a synchronous standby of it, which is promoted only after `lateMs`. */
  async failOver(lateMs: number): Promise<void> {
    const before = this.#server
    const standby = await this.#standby()
    await before.stop('immediate')
    await this.#moveTo(standby)
    await sleep(lateMs)
    await promote(standby)
    await this.answers()
  }

  /** Another fault may crash the primary, or leave no room on the disk, while its standby is being made: then it is made again. */
  async #standby(): Promise<PostgresServer> {
    for (let tries = 1; ; tries++) {
      try {
        return await startStandby(this.#server, this.#settings, this.#disk?.path)
      } catch (error) {
        if (tries === STANDBY_TRIES) throw error
        await this.#revive()
        await this.sql('alter system reset synchronous_standby_names')
        await this.sql('select pg_reload_conf()')
      }
    }
  }

  /** A server that could not write its log has crashed, and may have given up. */
  async #revive(): Promise<void> {
    await this.answers(3000).catch(() => this.restart('immediate', 0))
  }

  async #moveTo(server: PostgresServer): Promise<void> {
    const before = this.#admin
    this.#server = server
    this.#admin = openAdmin(server)
    await this.answers()
    await this.onMoved(this.target)
    await before.end().catch(() => undefined)
  }

  async stop(): Promise<void> {
    await this.#admin.end().catch(() => undefined)
    await this.#server.stop('immediate')
    this.#disk?.unmount()
  }

  async #session(): Promise<pg.Client> {
    const address = new URL(this.#server.url)
    address.pathname = `/${DATABASE}`
    const client = new pg.Client({ connectionString: address.href, application_name: ADMIN_NAME })
    client.on('error', () => undefined)
    await client.connect()
    return client
  }

  async #onOne(call: '' | 'pg_terminate_backend', dice: number): Promise<number | undefined> {
    const [row] = await this.sql(
      `with found as (
         select pid, count(*) over () as total, row_number() over (order by pid) as place from pg_stat_activity
         where datname = $1 and application_name <> $2 and backend_type = 'client backend')
       select pid, ${call}(pid) from found where place = 1 + floor($3::float8 * total)`,
      [DATABASE, ADMIN_NAME, dice],
    )
    return row === undefined ? undefined : Number(row['pid'])
  }

  async #arrange(server: PostgresServer): Promise<void> {
    const first = new pg.Client({ connectionString: server.url })
    await first.connect()
    await first.query(`create role ${OWNER_ROLE} login`)
    await first.query(`create role ${APP_ROLE} login`)
    await first.query(`create database ${DATABASE} owner ${OWNER_ROLE}`)
    if (!this.#settings.leastPrivilege) await first.query(`grant ${OWNER_ROLE} to ${APP_ROLE}`)
    await first.query(`grant create on database ${DATABASE} to ${OWNER_ROLE}`)
    await first.end()
    for (const table of TABLES) await this.sql(table)
    await this.sql(`grant select, insert on ${BUSINESS_TABLE}, ${EFFECTS_TABLE} to ${APP_ROLE}, ${OWNER_ROLE}`)
  }

  /** Gives the application's role the settings it is to have. */
  async restrict(): Promise<void> {
    for (const [name, value] of Object.entries(this.#settings.role)) {
      await this.sql(`alter role ${APP_ROLE} set ${name} = '${value}'`)
    }
  }

  /** What the documentation tells the owner to do for the application's role. */
  async grant(): Promise<void> {
    await this.sql(`select ${SCHEMA}.grant_worker($1)`, [APP_ROLE])
  }
}

function openAdmin(server: PostgresServer): pg.Pool {
  const address = new URL(server.url)
  address.pathname = `/${DATABASE}`
  const pool = new pg.Pool({
    connectionString: address.href,
    application_name: ADMIN_NAME,
    max: 3,
    connectionTimeoutMillis: 5000,
  })
  pool.on('error', () => undefined)
  return pool
}

/** Whether there was such a process to kill. */
function killed(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false
    throw error
  }
}
