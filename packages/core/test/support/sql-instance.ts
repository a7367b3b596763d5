import pg from 'pg'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import { initJobQueue, type JobQueue, type PostgresJobQueueConfig } from '../../src/index.ts'
import { resetInstance } from './postgres-target.ts'

/** The servers that SQL is tried on: the newest and the oldest that work. */
export const SQL_SERVERS: readonly (readonly [version: string, url: string])[] = [
  ['18', process.env['MILLRACE_TEST_PG18_URL'] ?? ''],
  ['14', process.env['MILLRACE_TEST_PG14_URL'] ?? ''],
]

export type SqlRow = Record<string, unknown>

export interface SqlInstance {
  readonly schema: string
  /** Runs SQL as the owner; `:schema` stands for the instance's schema. */
  sql(text: string, values?: unknown[]): Promise<SqlRow[]>
  /** The first column of the only row. */
  value(text: string, values?: unknown[]): Promise<unknown>
  /** A further session, as `role` if one is given; ended after the file. */
  session(role?: string): Promise<SqlSession>
  /** A role that can log in; dropped after the file. */
  role(name: string): Promise<string>
  queue(): JobQueue
  /** Of the database it is in, from the first test on. */
  url(): string
  /** Asserts that what is stored is possible. */
  check(): Promise<void>
}

export type SqlSession = Pick<SqlInstance, 'sql' | 'value'>

/** An instance of a test file, empty before each test. */
export function useSqlInstance(url: string, schema: string, options: SqlInstanceOptions = {}): SqlInstance {
  const instance = new OpenSqlInstance(url, schema, options)
  beforeAll(() => instance.open())
  beforeEach(() => resetInstance((text, values) => instance.sql(text, values), schema))
  afterAll(() => instance.close())
  return instance
}

interface SqlInstanceOptions {
  readonly config?: PostgresJobQueueConfig
  /** Further schemas, dropped before and after. */
  readonly also?: readonly string[]
}

class OpenSqlInstance implements SqlInstance {
  readonly schema: string
  #url: string
  readonly #options: SqlInstanceOptions
  readonly #clients: pg.Client[] = []
  readonly #roles: string[] = []
  #owner: pg.Client | undefined
  #queue: JobQueue | undefined

  constructor(url: string, schema: string, options: SqlInstanceOptions) {
    this.#url = url
    this.schema = schema
    this.#options = options
  }

  async open(): Promise<void> {
    if (this.#options.also !== undefined) await this.#moveToOwnDatabase()
    this.#owner = await this.#connect(this.#url)
    await this.#dropAll()
    const databaseConfig = { connectionString: this.#url, max: 3 }
    this.#queue = initJobQueue({ databaseConfig, schema: this.schema, listen: false, ...this.#options.config })
    await this.#queue.ready()
  }

  async close(): Promise<void> {
    await this.#queue?.close()
    await this.#dropAll()
    for (const name of this.#roles) await this.sql(`drop owned by ${name}; drop role ${name}`)
    const [admin, ...clients] = this.#clients
    await Promise.all(clients.map((client) => client.end()))
    if (this.#options.also !== undefined) await admin?.query(`drop database ${this.schema} with (force)`)
    await admin?.end()
  }

  sql(text: string, values?: unknown[]): Promise<SqlRow[]> {
    if (this.#owner === undefined) throw new Error('the instance is there from the first test on')
    return this.#run(this.#owner, text, values)
  }

  async value(text: string, values?: unknown[]): Promise<unknown> {
    return firstOf(await this.sql(text, values))
  }

  async session(role?: string): Promise<SqlSession> {
    const address = new URL(this.#url)
    if (role !== undefined) address.username = role
    const client = await this.#connect(address.href)
    return {
      sql: (text, values) => this.#run(client, text, values),
      value: async (text, values) => firstOf(await this.#run(client, text, values)),
    }
  }

  async role(name: string): Promise<string> {
    const full = `${this.schema}_${name}`
    await this.sql(`drop role if exists ${full}`)
    await this.sql(`create role ${full} login`)
    this.#roles.push(full)
    return full
  }

  queue(): JobQueue {
    if (this.#queue === undefined) throw new Error('the instance is there from the first test on')
    return this.#queue
  }

  url(): string {
    return this.#url
  }

  async check(): Promise<void> {
    const rows = await this.sql(`select * from :schema.check_invariants()`)
    if (rows.length > 0) throw new Error(`impossible things are stored: ${JSON.stringify(rows)}`)
  }

  async #run(client: pg.Client, text: string, values?: unknown[]): Promise<SqlRow[]> {
    const result: unknown = await client.query(text.replaceAll(':schema', this.schema), values)
    // A script answers one result for each statement; its last is what the caller asks about.
    const last: unknown = Array.isArray(result) ? result.at(-1) : result
    return (last as pg.QueryResult<SqlRow>).rows
  }

  async #connect(connectionString: string): Promise<pg.Client> {
    const client = new pg.Client({ connectionString })
    client.on('error', () => undefined)
    await client.connect()
    this.#clients.push(client)
    return client
  }

  /** A schema of a fixed name would be shared with the other test files. */
  async #moveToOwnDatabase(): Promise<void> {
    const admin = await this.#connect(this.#url)
    await admin.query(`drop database if exists ${this.schema} with (force)`)
    await admin.query(`create database ${this.schema}`)
    const address = new URL(this.#url)
    address.pathname = `/${this.schema}`
    this.#url = address.href
  }

  async #dropAll(): Promise<void> {
    for (const name of [this.schema, ...(this.#options.also ?? [])]) {
      await this.sql(`drop schema if exists ${name} cascade`)
    }
  }
}

function firstOf(rows: readonly SqlRow[]): unknown {
  return Object.values(rows[0] ?? {})[0]
}
