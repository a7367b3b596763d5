import { DATABASE, SCHEMA } from './database.js'
/** The task of this process: its first argument, which the run that started it made. */
export function readTask() {
  const task = JSON.parse(process.argv[2] ?? '')
  return task
}
export function queueConfig(connection, leaseMs) {
  if (connection.store === 'pglite') return { backend: 'pglite', dataDir: connection.dataDir, schema: SCHEMA, leaseMs }
  const { port, user, poolSize, listen, migrate } = connection
  return {
    databaseConfig: { connectionString: urlOf(connection), max: poolSize, application_name: `proof ${user} ${port}` },
    schema: SCHEMA,
    leaseMs,
    listen,
    migrate,
  }
}
export function urlOf({ user, port }) {
  return `postgres://${user}@127.0.0.1:${port}/${DATABASE}`
}
/** Ends this process when the run that started it is gone. */
export function leaveWithParent() {
  process.on('disconnect', () => process.exit(3))
}
//# sourceMappingURL=task.js.map
