/**
 * A real Redis server, for tests and benchmarks.
 *
 *     const server = await startRedis()
 *     try { … server.url … } finally { await server.stop() }
 *
 * It listens on 127.0.0.1 only, on a free port, and keeps its files in a folder of its own. The binary is the machine's
 * (`apt-get install redis-server`): npm has none.
 */
import { execFileSync, spawn } from 'node:child_process'
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { serversFolder } from './binaries.mjs'
import { freePort } from './ports.mjs'

/**
 * @typedef {object} RedisServer
 * @property {string} url
 * @property {number} port
 * @property {string} version
 * @property {number} pid - Of the process now; a restart changes it.
 * @property {() => string} log - What it has logged so far.
 * @property {() => Promise<void>} kill - SIGKILL; its files stay.
 * @property {() => Promise<void>} restart - Starts it again on its files and port.
 * @property {() => Promise<void>} stop - Ends it and removes its folder.
 */

const START_TIMEOUT_MS = 15_000

/** The path of the machine's server; `undefined` if it has none. */
export function findRedis() {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/local/bin', '/opt/homebrew/bin']
  const names = ['redis-server', 'valkey-server']
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).find((path) => existsSync(path))
}

/**
 * @param {Record<string, string | number>} [settings] - Redis settings by name; they win over our own.
 * @returns {Promise<RedisServer>}
 * @throws If there is no binary, or it does not come up; the message ends with its log.
 */
export async function startRedis(settings = {}) {
  const binary = findRedis()
  if (binary === undefined) throw new Error('no redis-server on this machine; install the package `redis-server`')
  const version = /v=(\S+)/.exec(execFileSync(binary, ['--version'], { encoding: 'utf8' }))?.[1] ?? 'unknown'
  const folder = mkdtempSync(join(serversFolder(), `redis-${process.pid}-`))
  const port = await freePort()
  const all = {
    bind: '127.0.0.1',
    port,
    dir: folder,
    save: '',
    appendonly: 'no',
    'maxmemory-policy': 'noeviction',
    ...settings,
  }
  const logFile = join(folder, 'log')
  const readLog = () => (existsSync(logFile) ? readFileSync(logFile, 'utf8') : '')
  /** @type {{ pid: number, ended: Promise<unknown> }} */
  let running
  const start = async () => {
    const log = openSync(logFile, 'a')
    const args = Object.entries(all).flatMap(([name, value]) => [`--${name}`, String(value)])
    const child = spawn(binary, args, { cwd: folder, stdio: ['ignore', log, log] })
    closeSync(log)
    const ended = new Promise((resolve) => child.once('exit', resolve))
    running = { pid: child.pid ?? 0, ended }
    try {
      await answering(port, ended)
    } catch (error) {
      child.kill('SIGKILL')
      await ended
      const reason = error instanceof Error ? error.message : String(error)
      throw new Error(`redis-server did not start: ${reason}\n${readLog()}`, { cause: error })
    }
  }
  const end = async (/** @type {NodeJS.Signals} */ signal) => {
    try {
      process.kill(running.pid, signal)
    } catch {
      // It has ended.
    }
    await running.ended
  }
  await start()
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    version,
    get pid() {
      return running.pid
    },
    log: readLog,
    kill: () => end('SIGKILL'),
    restart: start,
    async stop() {
      await end('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** @param {number} port @param {Promise<unknown>} ended */
async function answering(port, ended) {
  let isOver = false
  void ended.then(() => (isOver = true))
  for (const deadline = Date.now() + START_TIMEOUT_MS; ; await sleep(15)) {
    if (isOver) throw new Error('it ended at once')
    if (await pongs(port)) return
    if (Date.now() > deadline) throw new Error(`not ready after ${START_TIMEOUT_MS} ms`)
  }
}

/** Whether it has loaded its files and takes commands. @param {number} port @returns {Promise<boolean>} */
function pongs(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const done = (/** @type {boolean} */ answer) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => socket.write('PING\r\n'))
    socket.once('data', (data) => done(data.toString().startsWith('+PONG')))
    socket.once('error', () => done(false))
  })
}
