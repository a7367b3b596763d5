/** A Prisma client, or the `tx` of its transaction, as far as leases use it. */
export interface LeaseClient {
  $queryRawUnsafe(query: string, ...values: unknown[]): PromiseLike<unknown>
  $executeRawUnsafe(query: string, ...values: unknown[]): PromiseLike<number>
}

/** A client that can open transactions. */
export interface TransactionalLeaseClient extends LeaseClient {
  // `never`: the library's own overloads take a function of its own client, and a list besides.
  readonly $transaction: (fn: never) => Promise<unknown>
}

/** A schema of its own: Prisma Migrate looks only at the schemas of its datasource. */
const TABLE = 'millrace_doctor.leases'

/** Who works on which row of a table that is not ours. A lease is a row; the database's clock says when it has run out. */
export class JobLeases {
  readonly #client: TransactionalLeaseClient
  readonly #leaseMs: number
  #isThere: Promise<void> | undefined

  constructor(client: TransactionalLeaseClient, leaseMs: number) {
    this.#client = client
    this.#leaseMs = leaseMs
  }

  /** Leases the job to `token`, unless a lease on it is still running: how often it has been started, or `null`. */
  async take(id: string, token: string): Promise<number | null> {
    this.#isThere ??= this.#create()
    try {
      await this.#isThere
    } catch (error) {
      this.#isThere = undefined
      throw error
    }
    const rows = await this.#client.$queryRawUnsafe(
      `insert into ${TABLE} as l (job_id, token, starts, expires_at)
         values ($1::text, $2::text, 1, clock_timestamp() + $3::text::bigint * interval '1 ms')
       on conflict (job_id) do update set token = excluded.token, starts = l.starts + 1, expires_at = excluded.expires_at
         where l.expires_at <= clock_timestamp()
       returning starts`,
      id,
      token,
      String(this.#leaseMs),
    )
    const row: unknown = Array.isArray(rows) ? rows[0] : undefined
    return typeof row === 'object' && row !== null && 'starts' in row ? Number(row.starts) : null
  }

  /** Extends the lease until the answer is called. Does not keep the process alive. */
  keep(id: string, token: string, onError: (error: unknown) => void): () => void {
    const timer = setInterval(() => {
      this.postpone(id, token, this.#leaseMs).catch(onError)
    }, this.#leaseMs / 3)
    timer.unref()
    return () => clearInterval(timer)
  }

  /** Nobody takes the job for `delayMs` from now. */
  async postpone(id: string, token: string, delayMs: number): Promise<void> {
    await this.#client.$executeRawUnsafe(
      `update ${TABLE} set expires_at = clock_timestamp() + $3::text::bigint * interval '1 ms'
       where job_id = $1::text and token = $2::text`,
      id,
      token,
      String(delayMs),
    )
  }

  /** Ends the lease, in the transaction of `client`; false if it had been lost. */
  async drop(client: LeaseClient, id: string, token: string): Promise<boolean> {
    const sql = `delete from ${TABLE} where job_id = $1::text and token = $2::text`
    return (await client.$executeRawUnsafe(sql, id, token)) > 0
  }

  async #create(): Promise<void> {
    const rows = await this.#client.$queryRawUnsafe(`select to_regclass('${TABLE}')::text as name`)
    const row: unknown = Array.isArray(rows) ? rows[0] : undefined
    if (typeof row === 'object' && row !== null && 'name' in row && row.name !== null) return
    const create = async (tx: LeaseClient): Promise<void> => {
      // `if not exists` does not keep two processes from making the same schema at the same time.
      await tx.$executeRawUnsafe(`select pg_advisory_xact_lock(hashtext('${TABLE}'))`)
      await tx.$executeRawUnsafe('create schema if not exists millrace_doctor')
      await tx.$executeRawUnsafe(
        `create table if not exists ${TABLE} (
           job_id text primary key, token text not null, starts integer not null, expires_at timestamptz not null)`,
      )
    }
    await this.#client.$transaction(create as never)
  }
}
