/**
 * Real PostgreSQL servers for tests, benchmarks and demos, from the binaries that npm installed.
 *
 *     const server = await startPostgres({ version: 18, settings: { fsync: 'off' } })
 *     try { … server.url … } finally { await server.stop() }
 *
 * A server listens on 127.0.0.1 only, on a free port, without a password, and with durable settings unless told
 * otherwise. Its folder is named after the process that owns it: whatever a killed owner left behind is stopped and
 * removed by the next start.
 */
import { execFile, execFileSync, spawn } from 'node:child_process'
import {
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { postgresHome, serversFolder, serverUser } from './binaries.mjs'
import { freePort } from './ports.mjs'

/**
 * How a server ends: `smart` waits for clients, `fast` disconnects them, `immediate` skips the shutdown checkpoint
 * (the next start recovers from the log), `kill` is SIGKILL of the postmaster, like a crash of the machine's process.
 *
 * @typedef {'smart' | 'fast' | 'immediate' | 'kill'} StopMode
 */

/**
 * @typedef {object} PostgresServer
 * @property {number} version
 * @property {string} url - For user and database `postgres`.
 * @property {string} host
 * @property {number} port - The same after a restart.
 * @property {string} dataDir
 * @property {number} pid - Of the postmaster; new after a restart.
 * @property {(mode?: StopMode) => Promise<void>} stop - Stops it (default `fast`) and removes its data.
 * @property {(mode?: StopMode, pauseMs?: number) => Promise<void>} restart - Stops it, waits, starts it on the same data.
 * @property {() => string} log - What the server has logged so far.
 */

const SIGNALS = /** @type {const} */ ({
  smart: 'SIGTERM',
  fast: 'SIGINT',
  immediate: 'SIGQUIT',
  kill: 'SIGKILL',
})
const START_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 30_000

/** Servers of this process that still run, for the exit handler. @type {Map<number, string>} */
const running = new Map()
let watchesExit = false

/**
 * Starts a server on a new data directory.
 *
 * @param {object} [options]
 * @param {18 | 14} [options.version] - Major version. Default 18.
 * @param {Record<string, string | number>} [options.settings] - Server settings by name; they win over our own.
 * @param {string} [options.within] - An existing folder for its data instead of our own: on a small disk, say.
 * @param {(dataDir: string) => Promise<void>} [options.fill] - Fills the data directory, instead of `initdb`: a copy of
 *   another server's, say, to make a standby.
 * @param {number} [options.startWithinMs] - How long it may take to come up. Default 60,000.
 * @returns {Promise<PostgresServer>}
 * @throws If no binaries exist for this platform or the server does not come up; the message ends with its log.
 */
export async function startPostgres({
  version = 18,
  settings = {},
  within,
  fill,
  startWithinMs = START_TIMEOUT_MS,
} = {}) {
  removeOrphans()
  watchExit()
  const home = postgresHome(version)
  const folder = mkdtempSync(join(within ?? serversFolder(), `run-${process.pid}-`))
  const dataDir = join(folder, 'data')
  mkdirSync(dataDir, { mode: 0o700 })
  giveToServer(folder)
  giveToServer(dataDir)
  try {
    await (fill === undefined ? initialise(home, dataDir) : fill(dataDir))
    return await open({ version, home, folder, dataDir, settings, startWithinMs })
  } catch (error) {
    removeFolder(folder)
    throw error
  }
}

/**
 * Starts, and wraps what was started. A port that another process takes between our look and the server's bind is
 * simply tried again with another one.
 *
 * @param {{ version: number; home: string; folder: string; dataDir: string; settings: Record<string, string | number>; startWithinMs: number }} place
 * @returns {Promise<PostgresServer>}
 */
async function open(place) {
  let port = await freePort()
  let pid = await launch(place, port).catch(async (error) => {
    if (!String(error).includes('could not bind')) throw error
    port = await freePort()
    return launch(place, port)
  })
  return {
    version: place.version,
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    host: '127.0.0.1',
    port,
    dataDir: place.dataDir,
    get pid() {
      return pid
    },
    log: () => readLog(place.folder),
    async stop(mode = 'fast') {
      await end(pid, mode)
      removeFolder(place.folder)
    },
    async restart(mode = 'fast', pauseMs = 0) {
      await end(pid, mode)
      await sleep(pauseMs)
      pid = await launch(place, port)
    },
  }
}

/** @param {string} home @param {string} dataDir */
async function initialise(home, dataDir) {
  const options = ['-D', dataDir, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync']
  try {
    await promisify(execFile)(join(home, 'bin/initdb'), options, {
      ...serverUser(),
      cwd: dataDir,
      env: serverEnv(),
    })
  } catch (error) {
    throw new Error(`initdb failed: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}

/**
 * Starts the postmaster and waits until it says in its pid file that it accepts connections.
 *
 * @param {{ home: string; folder: string; dataDir: string; settings: Record<string, string | number>; startWithinMs: number }} place
 * @param {number} port
 * @returns {Promise<number>} The postmaster's process id.
 */
async function launch({ home, folder, dataDir, settings, startWithinMs }, port) {
  const all = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: 200,
    timezone: 'UTC',
    log_timezone: 'UTC',
    ...settings,
    port,
  }
  const options = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const log = openSync(join(folder, 'log'), 'a')
  // Detached: a Ctrl-C in the terminal must reach our own handler first, not the server behind its clients' backs.
  const child = spawn(join(home, 'bin/postgres'), ['-D', dataDir, ...options], {
    ...serverUser(),
    cwd: dataDir,
    env: serverEnv(),
    stdio: ['ignore', log, log],
    detached: true,
  })
  closeSync(log)
  child.unref()
  let failed = /** @type {Error | undefined} */ (undefined)
  child.once('error', (error) => (failed = error))
  const pid = child.pid
  for (const deadline = Date.now() + startWithinMs; !failed; await sleep(15)) {
    if (pid !== undefined && isReady(dataDir, pid)) {
      running.set(pid, folder)
      return pid
    }
    if (child.exitCode !== null || child.signalCode !== null) failed = new Error(`exit ${child.exitCode}`)
    else if (Date.now() > deadline) failed = new Error(`not ready after ${startWithinMs} ms`)
  }
  if (pid !== undefined) signal(pid, 'SIGKILL')
  throw new Error(`PostgreSQL did not start: ${failed.message}\n${readLog(folder).slice(-2000)}`, {
    cause: failed,
  })
}

/** @param {string} dataDir @param {number} pid */
function isReady(dataDir, pid) {
  const lines = readPidFile(dataDir)
  return Number(lines[0]) === pid && lines[7]?.trim() === 'ready'
}

/** Waits for the process to be gone, with force if it takes too long. @param {number} pid @param {StopMode} mode */
async function end(pid, mode) {
  running.delete(pid)
  signal(pid, SIGNALS[mode])
  for (const deadline = Date.now() + STOP_TIMEOUT_MS; isAlive(pid); await sleep(10)) {
    if (Date.now() > deadline) signal(pid, 'SIGKILL')
  }
  // The children of a killed postmaster notice its death and leave; a restart fails while they hold shared memory.
  if (mode === 'kill') await sleep(300)
}

/** Removes what processes that are no more have left: their servers, then their folders. */
function removeOrphans() {
  for (const name of readdirSync(serversFolder())) {
    const owner = /^run-(\d+)-/.exec(name)?.[1]
    if (owner === undefined || isAlive(Number(owner))) continue
    const folder = join(serversFolder(), name)
    const pid = Number(readPidFile(join(folder, 'data'))[0])
    if (pid > 0 && commandOf(pid).includes(join(folder, 'data'))) signal(pid, 'SIGQUIT')
    removeFolder(folder)
  }
}

/** The last resort for a process that ends without `stop`; what it cannot do is left to `removeOrphans`. */
function watchExit() {
  if (watchesExit) return
  watchesExit = true
  process.on('exit', endAll)
  for (const name of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    const onSignal = () => {
      // With another listener the program has a plan of its own (a `finally` that stops the server).
      if (process.listenerCount(name) > 1) return
      endAll()
      process.off(name, onSignal)
      process.kill(process.pid, name)
    }
    process.on(name, onSignal)
  }
}

function endAll() {
  for (const [pid, folder] of running) {
    signal(pid, 'SIGQUIT')
    removeFolder(folder)
  }
  running.clear()
}

/** @param {string} folder */
function removeFolder(folder) {
  try {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
  } catch {
    // A dying server can still write into it; the next start removes the rest.
  }
}

/** @param {string} path */
function giveToServer(path) {
  const { uid, gid } = serverUser()
  if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid)
}

/** The caller's PG* variables must not reach the server. */
function serverEnv() {
  const entries = Object.entries(process.env).filter(([name]) => !/^(PG|LC_|LANG)/.test(name))
  return { ...Object.fromEntries(entries), LC_ALL: 'C' }
}

/** @param {string} dataDir */
function readPidFile(dataDir) {
  const path = join(dataDir, 'postmaster.pid')
  try {
    return readFileSync(path, 'utf8').split('\n')
  } catch {
    return []
  }
}

/** @param {string} folder */
function readLog(folder) {
  const path = join(folder, 'log')
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}

/** The command line of a process, so that a reused process id is not mistaken for our server. @param {number} pid */
function commandOf(pid) {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' })
  } catch {
    return ''
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** @param {number} pid @param {NodeJS.Signals} name */
function signal(pid, name) {
  try {
    process.kill(pid, name)
  } catch {
    // Gone already.
  }
}
