import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { basename, join } from 'node:path'

/** Systems allow 104 to 108 bytes, and cut longer paths off instead of refusing them. */
const MAX_BYTES = 100

/**
 * Where the n-th owner of `dataDir` listens: in a folder under the system's temporary one that only this user can enter,
 * because paths of sockets must be short; on Windows a named pipe. Each owner has a path of its own, so that nobody
 * connects to the remains of the one before.
 *
 * @throws Error if the folder belongs to somebody else.
 */
export function socketPathFor(dataDir: string, generation: number): string {
  const key = createHash('sha256').update(dataDir).digest('hex').slice(0, 16)
  const name = `${key}-${generation}`
  if (process.platform === 'win32') return `\\\\.\\pipe\\millrace-${name}`
  const folder = `millrace-${userInfo().uid}`
  const preferred = join(tmpdir(), folder)
  const fits = Buffer.byteLength(join(preferred, `${name}.sock`)) <= MAX_BYTES
  return join(ensurePrivate(fits ? preferred : join('/tmp', folder)), `${name}.sock`)
}

/** Removes the sockets that earlier owners of the same directory have left. */
export function removeOlderSockets(socketPath: string): void {
  if (process.platform === 'win32') return
  const folder = join(socketPath, '..')
  const key = basename(socketPath).split('-')[0] ?? ''
  for (const name of readdirSync(folder)) {
    if (name.startsWith(`${key}-`) && name !== basename(socketPath)) rmSync(join(folder, name), { force: true })
  }
}

function ensurePrivate(folder: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const status = lstatSync(folder)
  if (!status.isDirectory() || status.uid !== userInfo().uid || (status.mode & 0o077) !== 0) {
    throw new Error(`${folder} must be a folder of this user with mode 0700; remove it, or set TMPDIR`)
  }
  return folder
}
