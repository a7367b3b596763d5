import pg from 'pg'
import { applicationName, describeOrm, savepoint } from './suite.ts'
import type { OrmTransaction } from './suite.ts'

describeOrm('pg', async (url) => {
  const pool = new pg.Pool({ connectionString: url, max: 2, application_name: applicationName('pg') })
  pool.on('error', () => undefined)
  return {
    async transaction(fn, isolation) {
      const client = await pool.connect()
      client.on('error', () => undefined)
      const tx: OrmTransaction = {
        db: client,
        run: (sql) => client.query(sql),
        nested: (inner) => savepoint(tx, inner),
      }
      let failure: Error | undefined
      try {
        await client.query(isolation === undefined ? 'begin' : `begin isolation level ${isolation}`)
        const result = await fn(tx)
        await client.query('commit')
        return result
      } catch (error) {
        await client.query('rollback').catch((reason: unknown) => {
          failure = reason instanceof Error ? reason : new Error(String(reason))
        })
        throw error
      } finally {
        client.release(failure)
      }
    },
    close: () => pool.end(),
  }
})
