import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { initJobQueue } from 'millrace'
import type { JobQueue } from 'millrace'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { App } from './app.ts'
import { expectMounted } from './mounted-dashboard.ts'

const serverUrl = process.env['MILLRACE_TEST_PG18_URL'] ?? ''
const apps = join(dirname(fileURLToPath(import.meta.url)), 'apps')

describe.skipIf(serverUrl === '').each(['node:http', 'express', 'fastify', 'hono', 'koa', 'nest'])(
  'the dashboard in %s',
  (name) => {
    const schema = `dash_${name.replace(':', '_')}`
    const databaseUrl = `${serverUrl}${serverUrl.includes('?') ? '&' : '?'}search_path=${schema}`
    let app: App
    let queue: JobQueue

    beforeAll(async () => {
      const client = new pg.Client(serverUrl)
      await client.connect()
      await client.query(`drop schema if exists ${schema} cascade`)
      await client.end()
      queue = initJobQueue({ databaseConfig: { connectionString: databaseUrl, max: 2 }, listen: false })
      await queue.ready()
      app = await App.start([process.execPath, join(apps, 'dashboard.mjs'), name], {
        cwd: apps,
        env: { DATABASE_URL: databaseUrl },
      })
    })
    afterAll(async () => {
      await app.stop('SIGKILL')
      await queue.close()
    })

    test.each(['/admin/jobs', '/q'])('answers at %s: the page, its files, reads and changes', async (base) => {
      await expect(expectMounted({ url: app.url, base, queue })).resolves.toBeUndefined()
    })
  },
)
