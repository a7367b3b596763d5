import { PGlite } from '@electric-sql/pglite'
import { sql } from 'drizzle-orm'
import { drizzle as overPg } from 'drizzle-orm/node-postgres'
import { drizzle as overPglite } from 'drizzle-orm/pglite'
import { drizzle as overPostgresJs } from 'drizzle-orm/postgres-js'
import { initJobQueue } from 'millrace'
import { fromDrizzle } from 'millrace/tx'
import pg from 'pg'
import postgres from 'postgres'
import { expect, test } from 'vitest'
import { applicationName, describeOrm } from './suite.ts'
import type { OrmTransaction } from './suite.ts'

/** What the transactions of all drivers have in common. */
type Db = ReturnType<typeof overPg> | ReturnType<typeof overPostgresJs>
type Tx = Parameters<Parameters<Db['transaction']>[0]>[0]

function transaction(tx: Tx): OrmTransaction {
  return {
    db: fromDrizzle(tx),
    run: async (text) => tx.execute(sql.raw(text)),
    nested: (fn) => tx.transaction((inner) => fn(transaction(inner))),
  }
}

describeOrm('Drizzle on node-postgres', async (url) => {
  const pool = new pg.Pool({
    connectionString: url,
    max: 2,
    application_name: applicationName('Drizzle on node-postgres'),
  })
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))
  const db = overPg(pool)
  return {
    transaction: (fn, isolationLevel) =>
      db.transaction((tx) => fn(transaction(tx)), isolationLevel && { isolationLevel }),
    close: () => pool.end(),
  }
})

describeOrm(
  'Drizzle on postgres.js',
  async (url) => {
    const client = postgres(url, {
      max: 2,
      connection: { application_name: applicationName('Drizzle on postgres.js') },
    })
    const db = overPostgresJs(client)
    return {
      transaction: (fn, isolationLevel) =>
        db.transaction((tx) => fn(transaction(tx)), isolationLevel && { isolationLevel }),
      close: () => client.end(),
    }
  },
  { diesWithConnection: true },
)

test('Drizzle on PGlite adds a job in its transaction', async () => {
  const client = new PGlite()
  const queue = initJobQueue<{ welcome: { name: string } }>({ backend: 'pglite', client })
  await queue.ready()
  const db = overPglite(client)
  const id = await db.transaction((tx) =>
    queue.addJob({ jobType: 'welcome', payload: { name: 'Ada' } }, { db: fromDrizzle(tx) }),
  )
  expect(await queue.getJob(id)).toMatchObject({ payload: { name: 'Ada' } })
  await expect(
    db.transaction(async (tx) => {
      await queue.addJob({ jobType: 'welcome', payload: { name: 'Eve' } }, { db: fromDrizzle(tx) })
      throw new Error('no')
    }),
  ).rejects.toThrow('no')
  expect(await queue.getAllJobs()).toHaveLength(1)
  await queue.close()
  await client.close()
})
