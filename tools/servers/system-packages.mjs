/**
 * What tests need of the machine that npm does not have: Redis, PgBouncer, a browser, a library that lies about the time, psql,
 * Python, and tmux, which emulates a terminal.
 *
 * A clean machine gets them from its package manager, where this process may use it (root, or `sudo` without a password in CI). What
 * is still missing then is named; each test decides for itself, and with CI=true a missing server fails the run.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** @type {readonly { package: string, paths: readonly string[] }[]} */
const WANTED = [
  { package: 'redis-server', paths: ['redis-server', 'valkey-server'] },
  { package: 'pgbouncer', paths: ['/usr/sbin/pgbouncer'] },
  { package: 'chromium', paths: ['chromium', 'chromium-browser', 'google-chrome'] },
  {
    package: 'faketime',
    paths: ['x86_64', 'aarch64'].map((machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketime.so.1`),
  },
  { package: 'postgresql-client', paths: ['psql'] },
  { package: 'python3', paths: ['python3'] },
  { package: 'tmux', paths: ['tmux'] },
]

/** @returns {string[]} The packages that are missing on this machine. */
export function missingPackages() {
  return WANTED.filter(({ paths }) => !paths.some(isThere)).map((wanted) => wanted.package)
}

/**
 * Installs what is missing, if this process may.
 *
 * @returns {string[]} What is missing all the same.
 */
export function installPackages() {
  const missing = missingPackages()
  if (missing.length === 0 || process.platform !== 'linux' || !isThere('apt-get')) return missing
  const prefix = process.getuid?.() === 0 ? [] : maySudo() ? ['sudo', '-n'] : undefined
  if (prefix === undefined) return missing
  console.log(`test: installing ${missing.join(', ')} …`)
  apt(prefix, ['update', '-qq'])
  apt(prefix, ['install', '-y', '-qq', '--no-install-recommends', ...missing])
  return missingPackages()
}

/** @param {string[]} prefix @param {string[]} args */
function apt(prefix, args) {
  const [file = '', ...rest] = [...prefix, 'apt-get', ...args]
  try {
    execFileSync(file, rest, { stdio: 'pipe', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } })
  } catch (error) {
    console.warn(`test: ${[file, ...rest].join(' ')} failed: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** Only in CI: nobody wants a test to change the machine that it is developed on. */
function maySudo() {
  return process.env['CI'] === 'true' && isThere('sudo') && spawnSync('sudo', ['-n', 'true']).status === 0
}

/** @param {string} name A path, or a name to look for in PATH. */
function isThere(name) {
  if (name.startsWith('/')) return existsSync(name)
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/local/bin', '/opt/homebrew/bin']
  return folders.some((folder) => existsSync(join(folder, name)))
}
