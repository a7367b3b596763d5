import { chownSync, copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { serverUser, startServer, type PostgresServer } from './server.ts'
import type { Settings } from './settings.ts'

/** A primary that dies meanwhile leaves its standby waiting for what only the primary has. */
const START_MS = 20_000

/** What a base backup leaves out: state of the process, not of the data. */
const NOT_COPIED: ReadonlySet<string> = new Set(['postmaster.pid', 'postmaster.opts', 'pg_replslot', 'pg_stat_tmp'])

/**
 * A standby that streams from `primary` and has confirmed to be synchronous: from then on no commit is acknowledged before
 * both have it. It lies in the folder `within`, if given. Made by copying files between the start and the stop of a backup, for the binaries have no pg_basebackup.
 */
export async function startStandby(
  primary: PostgresServer,
  settings: Settings,
  within: string | undefined,
): Promise<PostgresServer> {
  const admin = new pg.Client({ connectionString: primary.url })
  admin.on('error', () => undefined)
  await admin.connect()
  try {
    const standby = await startServer({
      version: settings.version,
      startWithinMs: START_MS,
      settings: { ...settings.server, primary_conninfo: `host=127.0.0.1 port=${primary.port} user=postgres` },
      ...(within === undefined ? {} : { within }),
      fill: (dataDir) => backUp(admin, { from: primary.dataDir, to: dataDir, version: settings.version }),
    })
    try {
      await until(admin, "select from pg_stat_replication where state = 'streaming'")
      await admin.query("alter system set synchronous_standby_names = '*'")
      await admin.query('select pg_reload_conf()')
      await until(admin, "select from pg_stat_replication where sync_state = 'sync'")
      return standby
    } catch (error) {
      await standby.stop('immediate')
      throw error
    }
  } finally {
    await admin.end().catch(() => undefined)
  }
}

/** Makes a standby the primary. */
export async function promote(standby: PostgresServer): Promise<void> {
  const admin = new pg.Client({ connectionString: standby.url })
  admin.on('error', () => undefined)
  await admin.connect()
  await admin.query('select pg_promote(true, 30)')
  await admin.end()
}

interface Backup {
  readonly from: string
  readonly to: string
  readonly version: 18 | 14
}

async function backUp(admin: pg.Client, { from, to, version }: Backup): Promise<void> {
  const isOld = version === 14
  await admin.query(isOld ? "select pg_start_backup('proof', true, false)" : "select pg_backup_start('proof', true)")
  const { uid, gid } = await serverUser()
  const give = (path: string): void => {
    if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid)
  }
  copyFolder(from, to, give)
  const stop = isOld
    ? 'select labelfile from pg_stop_backup(false, false)'
    : 'select labelfile from pg_backup_stop(false)'
  const { rows } = await admin.query<{ labelfile: string }>(stop)
  for (const [name, text] of [
    ['backup_label', rows[0]?.labelfile ?? ''],
    ['standby.signal', ''],
  ] as const) {
    writeFileSync(join(to, name), text)
    give(join(to, name))
  }
  mkdirSync(join(to, 'pg_replslot'), { mode: 0o700 })
  give(join(to, 'pg_replslot'))
  mkdirSync(join(to, 'pg_stat_tmp'), { recursive: true, mode: 0o700 })
  give(join(to, 'pg_stat_tmp'))
}

/** A file that vanishes while the server runs is one that the log recreates or does not need. */
function copyFolder(from: string, to: string, give: (path: string) => void): void {
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (NOT_COPIED.has(entry.name)) continue
    const [source, target] = [join(from, entry.name), join(to, entry.name)]
    try {
      if (entry.isDirectory()) {
        mkdirSync(target, { mode: 0o700 })
        // The log is streamed: a copy of all that the primary keeps of it takes more room than the data.
        if (entry.name !== 'pg_wal') copyFolder(source, target, give)
      } else if (entry.isFile()) {
        copyFileSync(source, target)
      }
      give(target)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
    }
  }
}

async function until(admin: pg.Client, query: string, withinMs = 30_000): Promise<void> {
  for (const deadline = performance.now() + withinMs; ; await sleep(50)) {
    const { rowCount } = await admin.query(query)
    if ((rowCount ?? 0) > 0) return
    if (performance.now() > deadline) throw new Error(`the standby does not come up: ${query}`)
  }
}
