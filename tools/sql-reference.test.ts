import { readFileSync } from 'node:fs'
import pg from 'pg'
import { expect, it } from 'vitest'
import { initJobQueue } from 'millrace'
import { page, renderReference } from './sql-reference.mjs'

const url = process.env['MILLRACE_TEST_PG18_URL'] ?? ''

it.skipIf(url === '')(
  'the SQL reference says what is installed; `node tools/sql-reference.mjs` writes it',
  async () => {
    const queue = initJobQueue({ databaseConfig: { connectionString: url, max: 1 }, schema: 'sql_reference' })
    await queue.ready()
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    try {
      const query = async (text: string): Promise<string[][]> =>
        (await client.query<string[]>({ text, rowMode: 'array' })).rows
      expect(await renderReference(query, 'sql_reference')).toBe(readFileSync(page, 'utf8'))
    } finally {
      await queue.close()
      await client.query('drop schema sql_reference cascade')
      await client.end()
    }
  },
)
