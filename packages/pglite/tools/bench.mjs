/**
 * Measures the embedded database:  node tools/bench.mjs [statements]
 *
 * Start times (initdb, snapshot, warm), cost per statement, throughput with and without pipelining, memory, and how long
 * the event loop of the main thread is held up meanwhile. Needs the built package.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { openEmbedded } from '../dist/index.js'

const folder = process.env['MILLRACE_BENCH_FOLDER'] ?? mkdtempSync(join(tmpdir(), 'millrace-bench-'))
const count = Number(process.argv[2] ?? 2_000)
const report = (/** @type {string} */ name, /** @type {string | number} */ value) =>
  process.stdout.write(`${name.padEnd(44)} ${value}\n`)
const megabytes = (/** @type {number} */ bytes) => `${Math.round(bytes / 1e6)} MB`

if (process.env['MILLRACE_BENCH_FOLDER'] === undefined) await measureAll()
else await measureStart()

/** In a process of its own, so that nothing is compiled or cached yet. */
async function measureStart() {
  const begun = performance.now()
  const database = await openEmbedded({ dataDir: join(folder, process.argv[2] ?? 'db') })
  await database.query('select 1')
  process.stdout.write(`${Math.round(performance.now() - begun)} ms, ${megabytes(process.memoryUsage.rss())} resident`)
  await database.close()
}

async function measureAll() {
  const cache = join(folder, 'cache')
  for (const [name, dataDir] of [
    ['cold', 'a'],
    ['cold from the cache or the package', 'b'],
    ['warm', 'b'],
    ['warm', 'b'],
  ]) {
    const env = { ...process.env, MILLRACE_BENCH_FOLDER: folder, MILLRACE_CACHE_DIR: cache }
    const { stdout } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), String(dataDir)], {
      env,
      encoding: 'utf8',
    })
    report(`start, ${name}`, stdout)
  }
  const owner = await openEmbedded({ dataDir: join(folder, 'b') })
  const client = await openEmbedded({ dataDir: join(folder, 'b') })
  await owner.script('create table bench (id bigint generated always as identity, payload jsonb)')
  for (const [role, database] of /** @type {const} */ ([
    ['owner', owner],
    ['client', client],
  ])) {
    await measure(`${role}: select`, (n) => database.query('select $1::int', [n]))
    await measure(`${role}: insert, synced`, (n) => database.query('insert into bench (payload) values ($1)', [{ n }]))
  }
  await measure('owner: 100 rows in one insert', (n) =>
    owner.query(
      `insert into bench (payload) select jsonb_build_object('n', g) from generate_series(1, 100) g where $1::int >= 0`,
      [n],
    ),
  )
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  await owner.query('select count(*) from bench a, generate_series(1, 20) b')
  delay.disable()
  report('longest hold-up of the main thread', `${(delay.max / 1e6).toFixed(1)} ms during one long statement`)
  report(
    'memory',
    `${megabytes(process.memoryUsage.rss())} resident, ${megabytes((await owner.memory()).wasmBytes)} WASM`,
  )
  await client.close()
  await owner.close()
  rmSync(folder, { recursive: true, force: true })
}

/** @param {string} name @param {(n: number) => Promise<unknown>} run */
async function measure(name, run) {
  for (let n = 0; n < 50; n += 1) await run(n)
  const begun = performance.now()
  for (let n = 0; n < count / 4; n += 1) await run(n)
  report(name, `${((performance.now() - begun) / (count / 4)).toFixed(3)} ms one after the other`)
  const pipelined = performance.now()
  for (let n = 0; n < count; n += 100) await Promise.all(Array.from({ length: 100 }, (_, m) => run(n + m)))
  report('', `${Math.round(count / ((performance.now() - pipelined) / 1_000))}/s with 100 at a time`)
}
