import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, openSync, closeSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { APP_ROLE, DATABASE, OWNER_ROLE } from './database.js'
import { serverUser } from './server.js'
/** PgBouncer in transaction mode before the run's database. */
export class Pooler {
  target
  #folder
  #process
  constructor(folder, target, process) {
    this.#folder = folder
    this.target = target
    this.#process = process
  }
  static async start(parent, server) {
    const folder = join(parent, 'pgbouncer')
    mkdirSync(folder)
    chmodSync(folder, 0o755)
    const port = await freePort()
    writeConfig(folder, port, server)
    const log = openSync(join(folder, 'log'), 'a')
    const child = spawn('/usr/sbin/pgbouncer', [join(folder, 'pgbouncer.ini')], {
      ...(await serverUser()),
      stdio: ['ignore', log, log],
      cwd: '/',
    })
    closeSync(log)
    await accepts(port)
    return new Pooler(folder, { host: '127.0.0.1', port }, child)
  }
  async retarget(server) {
    writeConfig(this.#folder, this.target.port, server)
    this.#process.kill('SIGHUP')
    await sleep(100)
  }
  async stop() {
    const ended = new Promise((resolve) => {
      this.#process.once('exit', resolve)
    })
    this.#process.kill('SIGKILL')
    await ended
  }
}
/** `max_prepared_statements` stays 0: what an old installation has. */
function writeConfig(folder, port, { host, port: serverPort }) {
  writeFileSync(join(folder, 'users'), [APP_ROLE, OWNER_ROLE].map((role) => `"${role}" ""\n`).join(''))
  const lines = [
    '[databases]',
    `${DATABASE} = host=${host} port=${serverPort} dbname=${DATABASE}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = trust',
    `auth_file = ${join(folder, 'users')}`,
    'pool_mode = transaction',
    'default_pool_size = 8',
    'max_client_conn = 500',
    'server_login_retry = 1',
    'ignore_startup_parameters = extra_float_digits,options,search_path',
    '',
  ]
  writeFileSync(join(folder, 'pgbouncer.ini'), lines.join('\n'))
}
async function accepts(port) {
  for (const deadline = performance.now() + 10_000; ; await sleep(50)) {
    const isOpen = await new Promise((resolve) => {
      const probe = connect({ host: '127.0.0.1', port })
      probe.once('connect', () => resolve(true))
      probe.once('error', () => resolve(false))
      probe.once('close', () => probe.destroy())
      probe.once('connect', () => probe.end())
    })
    if (isOpen) return
    if (performance.now() > deadline) throw new Error('PgBouncer does not start; see its log')
  }
}
function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
//# sourceMappingURL=pooler.js.map
