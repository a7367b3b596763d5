import pg from 'pg'

export const serverUrl = process.env['MILLRACE_TEST_PG18_URL'] ?? ''

export interface OwnDatabase extends AsyncDisposable {
  readonly url: string
  readonly pool: pg.Pool
}

/** A new, empty database on the test server; dropped at the end. */
export async function ownDatabase(name: string): Promise<OwnDatabase> {
  const admin = new pg.Client({ connectionString: serverUrl })
  await admin.connect()
  await admin.query(`drop database if exists ${name} with (force)`)
  await admin.query(`create database ${name}`)
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  const pool = new pg.Pool({ connectionString: url.href, max: 4 })
  return {
    url: url.href,
    pool,
    async [Symbol.asyncDispose]() {
      await pool.end()
      // The old systems end their connections without waiting for it.
      await until('everybody has left the database', async () => {
        const { rows } = await admin.query('select from pg_stat_activity where datname = $1', [name])
        return rows.length === 0
      })
      await admin.query(`drop database ${name}`)
      await admin.end()
    },
  }
}

/** Runs the statement of a guide until it answers that nothing is left to move; how many it moved. */
export async function moveAll(client: Pick<pg.Pool, 'query'>, statement: string): Promise<number> {
  let moved = 0
  for (;;) {
    const { rows } = await client.query<Record<string, unknown>>(statement)
    const count = Number(Object.values(rows[0] ?? {})[0])
    if (count === 0) return moved
    moved += count
  }
}

/** Counts who ran what: no job may be run twice, nor none at all. */
export class Ledger {
  readonly #ran = new Map<number, string[]>()

  record(job: number, where: string): void {
    this.#ran.set(job, [...(this.#ran.get(job) ?? []), where])
  }

  get size(): number {
    return this.#ran.size
  }

  by(where: string): number {
    return [...this.#ran.values()].filter((places) => places.includes(where)).length
  }

  twice(): readonly number[] {
    return [...this.#ran].filter(([, places]) => places.length > 1).map(([job]) => job)
  }
}

/** Asks `probe` until it answers true. */
export async function until(what: string, probe: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 15_000
  while (!(await probe())) {
    if (performance.now() > deadline) throw new Error(`not within 15 s: ${what}`)
    await new Promise((resolve) => {
      setTimeout(resolve, 20)
    })
  }
}
