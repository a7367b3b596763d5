/** The layout under `dataDir`, and how a new data directory comes to be: aside, then renamed, so never half of one. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { StartedFrom } from './protocol.ts'
import { archiveOf, cachePath, compress, initialise, storeSnapshot, unpackSnapshot } from './snapshot.ts'
import { syncDirectory } from './synced-files.ts'
import { POSTGRES_MAJOR } from './version.ts'

/** Compressing better than this costs a first start more than it saves the next one. */
const CACHE_QUALITY = 5

/** PostgreSQL's own files, inside `dataDir`. */
export function clusterPath(dataDir: string): string {
  return join(dataDir, 'data')
}

/** Makes `dataDir` and keeps its content out of version control. */
export function ensureDataDir(dataDir: string): void {
  if (existsSync(dataDir)) return
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  writeFileSync(join(dataDir, '.gitignore'), '*\n')
}

/** What a start began from, and what it still does for later ones; `caching` never rejects. */
export interface ClusterStart {
  readonly startedFrom: StartedFrom
  readonly caching: Promise<void>
}

/**
 * Makes sure that there is an initialised data directory. The caller holds the lock.
 *
 * @throws Error that names what is wrong with the directory there is.
 */
export async function ensureCluster(dataDir: string): Promise<ClusterStart> {
  const cluster = clusterPath(dataDir)
  removeUnfinished(dataDir)
  if (existsSync(cluster)) {
    checkVersion(cluster)
    return { startedFrom: 'directory', caching: Promise.resolve() }
  }
  const unfinished = join(dataDir, `data.tmp-${process.pid}`)
  const fromSnapshot = unpackSnapshot(unfinished)
  if (!fromSnapshot) await initialise(unfinished)
  // Read before anything opens it; compressing goes on beside the start.
  const caching = fromSnapshot ? Promise.resolve() : cacheSnapshot(archiveOf(unfinished))
  renameSync(unfinished, cluster)
  syncDirectory(dataDir)
  return { startedFrom: fromSnapshot ? 'snapshot' : 'initdb', caching }
}

/** What an attempt that was killed has left; nobody else can be at work on it, for the lock is ours. */
function removeUnfinished(dataDir: string): void {
  for (const name of readdirSync(dataDir)) {
    if (name.startsWith('data.tmp-')) rmSync(join(dataDir, name), { recursive: true, force: true })
  }
}

function checkVersion(cluster: string): void {
  let version: string
  try {
    version = readFileSync(join(cluster, 'PG_VERSION'), 'utf8').trim()
  } catch (error) {
    throw new Error('it has no PG_VERSION file, so it is not a PostgreSQL data directory', { cause: error })
  }
  if (version !== POSTGRES_MAJOR) {
    throw new Error(
      `it was made by PostgreSQL ${version}, and this version of Millrace has PostgreSQL ${POSTGRES_MAJOR}`,
    )
  }
}

/** A cache that cannot be written only makes later starts slower. */
async function cacheSnapshot(archive: Buffer): Promise<void> {
  try {
    storeSnapshot(cachePath(), await compress(archive, CACHE_QUALITY))
  } catch {
    // A read-only home, or a full disk.
  }
}
