/** A server with the options of the environment, as an application would start it. */
import { initJobQueue } from 'millrace'
import { serveMcp } from '@millrace/mcp'

const { database, schema, dataDir, ...options } = JSON.parse(process.env['TEST_OPTIONS'] ?? '{}')
let queue
const open = () =>
  (queue ??= initJobQueue(
    dataDir === undefined
      ? { databaseConfig: { connectionString: database }, schema, listen: false, migrate: 'check' }
      : { backend: 'pglite', dataDir },
  ))
await serveMcp({ ...options, queue: open }).ended
await queue?.close()
