/**
 * Who owns a data directory: at most one process at a time, because two would destroy it.
 *
 * The lock is the file `lock.<n>` with the highest n. It is free if it has been renamed to `lock.<n>.released`, or if the
 * process it names is dead; whoever then creates `lock.<n+1>` owns the directory. Creating is a hard link to a file already written,
 * so a lock is never seen half-written and only one process can succeed. No file is removed before a higher one exists,
 * so nobody can act on a lock that has changed hands since it was read, which is how a scheme that deletes a stale lock
 * and makes it anew gets two owners. A creator that afterwards finds
 * another file as high as its own or higher was late and gives way. Releasing writes nothing: a full disk must not stop it.
 */
import { randomBytes } from 'node:crypto'
import { linkSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MillraceError } from 'millrace'
import { currentProcess, livenessOf, type Liveness, type ProcessIdentity } from './process-identity.ts'

/** What a lock file says. */
export interface LockHolder extends ProcessIdentity {
  /** Where the holder can be connected to. */
  readonly socketPath: string
}

/** The outcome of one attempt. */
export type LockAttempt =
  | { readonly kind: 'acquired'; readonly lock: DirectoryLock }
  | {
      readonly kind: 'held'
      readonly holder: LockHolder
      readonly liveness: Exclude<Liveness, 'dead'>
      readonly path: string
    }

/** The lock, held by this process. */
export interface DirectoryLock {
  readonly path: string
  readonly socketPath: string
  /** Lets others own the directory. Call it only when nothing of this process can write there any more. */
  release(): void
}

/** Takes the lock of `dataDir` if it is free. Never waits. `socketPathFor` names the socket of the n-th owner. */
export function tryLock(dataDir: string, socketPathFor: (generation: number) => string): LockAttempt {
  for (;;) {
    const files = lockFiles(dataDir)
    const generation = Math.max(0, ...files.map((file) => file.generation))
    const isReleased = files.some((file) => file.generation === generation && file.isReleased)
    const path = lockPath(dataDir, generation)
    const holder = generation === 0 || isReleased ? null : readHolder(path)
    const liveness = holder === null ? 'dead' : livenessOf(holder)
    if (holder !== null && liveness !== 'dead') return { kind: 'held', holder, liveness, path }
    const lock = create(dataDir, generation + 1, socketPathFor(generation + 1))
    if (lock !== null) return { kind: 'acquired', lock }
  }
}

/** Who holds the lock of `dataDir`, going by its file: `null` if nobody does. Says nothing of whether the process lives. */
export function lockHolder(dataDir: string): LockHolder | null {
  const files = lockFiles(dataDir)
  const generation = Math.max(0, ...files.map((file) => file.generation))
  if (files.some((file) => file.generation === generation && file.isReleased)) return null
  return readHolder(lockPath(dataDir, generation))
}

function create(dataDir: string, generation: number, socketPath: string): DirectoryLock | null {
  const path = lockPath(dataDir, generation)
  const holder: LockHolder = { ...currentProcess(), socketPath }
  const prepared = writeAside(dataDir, holder)
  try {
    linkSync(prepared, path)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return null
    const message = `${dataDir} cannot be locked, because its file system has no hard links; use a local disk (${String(error)})`
    throw new MillraceError('CONFIG_INVALID', message, { cause: error, details: { field: 'dataDir', value: dataDir } })
  } finally {
    rmSync(prepared, { force: true })
  }
  if (lockFiles(dataDir).some((file) => file.path !== path && file.generation >= generation)) {
    rmSync(path, { force: true })
    return null
  }
  removeOlder(dataDir, generation)
  return {
    path,
    socketPath,
    release: () => renameSync(path, `${path}.released`),
  }
}

interface LockFile {
  readonly path: string
  readonly generation: number
  readonly isReleased: boolean
}

function lockFiles(dataDir: string): LockFile[] {
  return readdirSync(dataDir).flatMap((name) => {
    const match = /^lock\.(\d+)(\.released)?$/.exec(name)
    if (match === null) return []
    return [{ path: join(dataDir, name), generation: Number(match[1]), isReleased: match[2] !== undefined }]
  })
}

function removeOlder(dataDir: string, generation: number): void {
  for (const file of lockFiles(dataDir)) {
    if (file.generation < generation) rmSync(file.path, { force: true })
  }
}

/** `null` for a file that has just been replaced, or that a power cut has emptied: no process of before lives on. */
function readHolder(path: string): LockHolder | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return null
  }
}

function writeAside(dataDir: string, holder: LockHolder): string {
  const path = join(dataDir, `lock-${process.pid}-${randomBytes(6).toString('hex')}.tmp`)
  try {
    writeFileSync(path, `${JSON.stringify(holder)}\n`, { mode: 0o600 })
  } catch (error) {
    rmSync(path, { force: true })
    throw error
  }
  return path
}

function lockPath(dataDir: string, generation: number): string {
  return join(dataDir, `lock.${generation}`)
}
