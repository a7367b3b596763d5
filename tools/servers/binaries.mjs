/**
 * Finds the PostgreSQL binaries that npm installed and makes a copy that any user of the machine can run.
 *
 * The packages leave their shared-library links to an install script, which this repository does not run, and a server
 * started as another user could not read a checkout under a private home. A copy in the temp folder solves both and
 * leaves node_modules as npm made it.
 */
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')

/**
 * The folder of binaries (`bin`, `lib`, `share`) for a major version.
 *
 * @param {number} version - PostgreSQL major version, 14 or 18.
 * @returns {string}
 * @throws If the package for this platform is not installed; the message says what is available.
 */
export function postgresHome(version) {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const packageFolder = join(root, 'node_modules', `postgres-${version}-${platform}`)
  if (!existsSync(join(packageFolder, 'native'))) {
    throw new Error(
      `PostgreSQL ${version} for ${platform} is not installed (${packageFolder}). ` +
        `Run \`npm ci\`; if npm has no such package, set MILLRACE_TEST_PG${version}_URL to a server of your own.`,
    )
  }
  const { version: exact } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8'))
  const home = join(serversFolder(), `postgres-${exact}`)
  if (!existsSync(home)) install(packageFolder, home)
  return home
}

/**
 * Where copies and data directories live: one folder per user under the temp folder. Refuses a folder that someone
 * else made, because its content is executed.
 *
 * @returns {string}
 */
export function serversFolder() {
  const folder = join(reachableTemp(), `millrace-servers-${process.getuid?.() ?? 'user'}`)
  mkdirSync(folder, { recursive: true })
  const status = lstatSync(folder)
  if (!status.isDirectory() || (process.getuid && status.uid !== process.getuid())) {
    throw new Error(`${folder} belongs to another user; remove it or set TMPDIR to a folder of your own`)
  }
  chmodSync(folder, 0o755)
  return folder
}

/** The user that runs the servers when we are root, which PostgreSQL refuses: `nobody`. */
export function serverUser() {
  return process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
}

/** A root user's TMPDIR may be private; then the server's user could not read it. */
function reachableTemp() {
  if (process.getuid?.() !== 0) return tmpdir()
  for (let folder = tmpdir(); folder !== dirname(folder); folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return '/tmp'
  }
  return tmpdir()
}

/**
 * Copies, adds the links, then renames, so that a second process never sees half of it.
 *
 * @param {string} packageFolder
 * @param {string} home
 */
function install(packageFolder, home) {
  const partial = `${home}.${process.pid}`
  rmSync(partial, { recursive: true, force: true })
  cpSync(join(packageFolder, 'native'), partial, { recursive: true, verbatimSymlinks: true })
  const linksFile = join(partial, 'pg-symlinks.json')
  if (existsSync(linksFile)) {
    /** @type {{ source: string; target: string }[]} */
    const links = JSON.parse(readFileSync(linksFile, 'utf8'))
    for (const link of links) addLink(partial, link)
  }
  openToAll(partial)
  try {
    renameSync(partial, home)
  } catch (error) {
    rmSync(partial, { recursive: true, force: true })
    if (!existsSync(home)) throw error
  }
}

/**
 * Paths in the list begin with `native/`, which is the folder that was copied; relative links survive its renaming.
 *
 * @param {string} folder
 * @param {{ source: string; target: string }} link
 */
function addLink(folder, { source, target }) {
  const path = join(folder, relative('native', target))
  rmSync(path, { force: true })
  symlinkSync(relative(dirname(target), source), path)
}

/**
 * Whatever the umask of the install was, the server's user must be able to read and run its programs.
 *
 * @param {string} folder
 */
function openToAll(folder) {
  chmodSync(folder, 0o755)
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) openToAll(path)
    else if (entry.isFile()) chmodSync(path, (statSync(path).mode & 0o100) === 0 ? 0o644 : 0o755)
  }
}
