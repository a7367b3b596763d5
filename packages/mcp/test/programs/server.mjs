/** A server with the options of the environment, as an application would start it. */
import { initJobQueue } from 'millrace'
import { serveMcp } from '@millrace/mcp'

const { database, schema, dataDir, redis, ...options } = JSON.parse(process.env['TEST_OPTIONS'] ?? '{}')
let queue
const config = () => {
  if (dataDir !== undefined) return { backend: 'pglite', dataDir }
  if (redis !== undefined) return { backend: 'redis', redisConfig: redis, listen: false }
  return { databaseConfig: { connectionString: database }, schema, listen: false, migrate: 'check' }
}
const open = () => (queue ??= initJobQueue(config()))
await serveMcp({ ...options, queue: open }).ended
await queue?.close()
