/** Opens a database, uses it, and forgets to close it. */
import { openEmbedded } from '@millrace/pglite'

const database = await openEmbedded({ dataDir: process.argv[2] ?? '' })
await database.script('create table if not exists rows (name text)')
await database.query('insert into rows values ($1)', [database.role()])
const ignore = () => undefined
const signal = new AbortController().signal
await database.listen({ channel: 'wake', onNotify: ignore, onReconnect: ignore, onError: ignore, signal })
