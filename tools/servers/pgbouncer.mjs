/**
 * A real PgBouncer in transaction mode in front of a PostgreSQL server, for tests.
 *
 *     const bouncer = await startPgbouncer({ host: server.host, port: server.port })
 *     try { … bouncer.url … } finally { await bouncer.stop() }
 *
 * It listens on 127.0.0.1 only, on a free port, and asks for a password of its own auth file. The binary is the machine's
 * (`apt-get install pgbouncer`): npm has none.
 */
import { execFileSync, spawn } from 'node:child_process'
import { chownSync, closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { serversFolder, serverUser } from './binaries.mjs'
import { freePort } from './ports.mjs'

/**
 * @typedef {object} Pgbouncer
 * @property {string} url - For the user and database it was started for.
 * @property {string} version
 * @property {() => string} log - What it has logged so far.
 * @property {() => Promise<void>} stop - Ends it and removes its folder.
 */

const USER = 'postgres'
const PASSWORD = 'of the pooler only'
const START_TIMEOUT_MS = 15_000

/** The path of the machine's PgBouncer; `undefined` if it has none. Debian puts it where only root looks. */
export function findPgbouncer() {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  return folders.map((folder) => join(folder, 'pgbouncer')).find((path) => existsSync(path))
}

/**
 * @param {object} server - The PostgreSQL server behind it, which must trust the user `postgres`.
 * @param {string} server.host
 * @param {number} server.port
 * @param {Record<string, string | number>} [settings] - PgBouncer settings by name; they win over our own.
 * @returns {Promise<Pgbouncer>}
 * @throws If there is no binary, or it does not come up; the message ends with its log.
 */
export async function startPgbouncer(server, settings = {}) {
  const binary = findPgbouncer()
  if (binary === undefined) throw new Error('no pgbouncer on this machine; install the package `pgbouncer`')
  const folder = mkdtempSync(join(serversFolder(), `run-${process.pid}-`))
  const port = await freePort()
  const all = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: '',
    pool_mode: 'transaction',
    default_pool_size: 6,
    max_client_conn: 200,
    auth_type: 'scram-sha-256',
    auth_file: join(folder, 'users'),
    ...settings,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name} = ${value}`)
  const databases = `[databases]\n* = host=${server.host} port=${server.port} user=${USER}\n`
  write(join(folder, 'users'), `"${USER}" "${PASSWORD}"\n`)
  write(join(folder, 'settings'), `${databases}[pgbouncer]\n${lines.join('\n')}\n`)
  const readLog = () => readFileSync(join(folder, 'log'), 'utf8')
  const log = openSync(join(folder, 'log'), 'a')
  const child = spawn(binary, [join(folder, 'settings')], { ...serverUser(), stdio: ['ignore', log, log] })
  closeSync(log)
  const ended = new Promise((resolve) => {
    child.once('error', resolve)
    child.once('exit', resolve)
  })
  const stop = async () => {
    // SIGINT waits for clients to leave.
    child.kill('SIGTERM')
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await listening(port, ended)
  } catch (error) {
    const tail = readLog().slice(-2000)
    await stop()
    throw new Error(`pgbouncer did not start: ${error instanceof Error ? error.message : String(error)}\n${tail}`, {
      cause: error,
    })
  }
  const version = execFileSync(binary, ['--version'], { encoding: 'utf8' }).split('\n')[0] ?? ''
  const password = encodeURIComponent(PASSWORD)
  return { url: `postgres://${USER}:${password}@127.0.0.1:${port}/postgres`, version, log: readLog, stop }
}

/** @param {string} path @param {string} text */
function write(path, text) {
  writeFileSync(path, text, { mode: 0o600 })
  const { uid, gid } = serverUser()
  if (uid === undefined || gid === undefined) return
  chownSync(path, uid, gid)
  chownSync(join(path, '..'), uid, gid)
}

/** @param {number} port @param {Promise<unknown>} ended */
async function listening(port, ended) {
  let isOver = false
  void ended.then(() => (isOver = true))
  for (const deadline = Date.now() + START_TIMEOUT_MS; ; await sleep(15)) {
    if (isOver) throw new Error('it ended at once')
    if (await accepts(port)) return
    if (Date.now() > deadline) throw new Error(`not ready after ${START_TIMEOUT_MS} ms`)
  }
}

/** @param {number} port @returns {Promise<boolean>} */
function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
