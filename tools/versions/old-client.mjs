/**
 * Runs a client of an earlier version, built from this repository's history, beside the client of this checkout on one schema:
 *
 *     node tools/versions/old-client.mjs
 *
 * What it proves is written in docs/operate/upgrading.md. Too slow for every change: `npm run check:full` runs it.
 */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import pg from 'pg'
import { startPostgres } from '../servers/postgres.mjs'

/** The last commit whose newest table migration is 13; see packages/core/test/fixtures/schema-13.sql.gz. */
const COMMIT = '9f959e6ade1a594f93e26d6b846506f4100861ef'
const SCHEMA_OF_COMMIT = 13
const JOBS = 200
const LIMIT_MS = 60_000

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const worker = join(root, 'tools/versions/worker.mjs')
const modules = { old: buildOld(), new: join(root, 'packages/core/dist/index.js') }

const server = await startPostgres()
const db = new pg.Pool({ connectionString: server.url, max: 4 })
const clients = { old: await open('old'), new: await open('new') }
/** @type {import('node:child_process').ChildProcess[]} */
const processes = []
try {
  await check('the schema is that of the new client, and the old one accepts it and changes nothing', acceptsSchema)
  await check('each job of either client runs once, by workers of both', worksBesideEachOther)
  await check('jobs of a worker of either version that is killed are run by the other', rescuesEachOther)
  await check('either changes, cancels, retries and reads jobs that the other added', changesEachOthers)
  await check('a schedule of either is fired by the other, each tick once', firesEachOthersSchedules)
} finally {
  for (const child of processes) child.kill('SIGKILL')
  for (const client of Object.values(clients)) await client.close()
  await db.end()
  await server.stop()
}

/** @param {string} what @param {() => Promise<void>} run */
async function check(what, run) {
  const started = performance.now()
  await run()
  assert.deepEqual(await clients.new.checkInvariants(), [])
  console.log(`old client: ${what} (${((performance.now() - started) / 1000).toFixed(1)} s)`)
}

/** The old package, built below node_modules, where imports of `pg` find what is installed here; its entry. */
function buildOld() {
  const folder = join(root, 'node_modules/.cache/millrace-old-client', COMMIT)
  const entry = join(folder, 'packages/core/dist/index.js')
  if (existsSync(entry)) return entry
  const git = (/** @type {string[]} */ ...args) => execFileSync('git', args, { cwd: root, maxBuffer: 2 ** 28 })
  try {
    git('cat-file', '-e', COMMIT)
  } catch (error) {
    throw new Error(`commit ${COMMIT} is not in this checkout: fetch its whole history`, { cause: error })
  }
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  execFileSync('tar', ['-x', '-C', folder], {
    input: git(
      'archive',
      COMMIT,
      'packages/core/src',
      'packages/core/package.json',
      'packages/core/tsconfig.json',
      'tsconfig.base.json',
    ),
  })
  execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(folder, 'packages/core')], {
    stdio: 'inherit',
  })
  return entry
}

/** @param {'old' | 'new'} version */
async function open(version) {
  const { initJobQueue } = await import(pathToFileURL(modules[version]).href)
  return initJobQueue({ databaseConfig: { connectionString: server.url, max: 2 }, listen: false })
}

/**
 * A worker of that version as a process of its own, once it works.
 *
 * @param {'old' | 'new'} version
 * @param {'work' | 'hold' | 'tick'} task
 */
async function start(version, task) {
  const child = spawn(process.execPath, [worker, modules[version], server.url, version, task], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  processes.push(child)
  await once(child.stdout, 'data')
  return child
}

/** @param {import('node:child_process').ChildProcess} child @param {NodeJS.Signals} signal */
async function end(child, signal) {
  const ended = once(child, 'exit')
  child.kill(signal)
  await ended
}

/** @param {string} what @param {() => Promise<boolean>} probe */
async function until(what, probe) {
  const deadline = performance.now() + LIMIT_MS
  while (!(await probe())) {
    if (performance.now() > deadline) throw new Error(`not within ${LIMIT_MS} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** @param {string} text @param {unknown[]} [values] */
async function ask(text, values = []) {
  const { rows } = await db.query(text, values)
  return rows
}

async function acceptsSchema() {
  await clients.new.migrate()
  await db.query('create table ran (job bigint not null, attempt integer not null, by text not null)')
  const versions = 'select version, checksum from millrace.migrations order by version'
  const before = await ask(versions)
  assert.ok(before.at(-1).version > SCHEMA_OF_COMMIT, 'the new client has a newer schema')
  assert.deepEqual(await clients.old.migrate(), [])
  const { initJobQueue } = await import(pathToFileURL(modules.old).href)
  const careful = initJobQueue({
    databaseConfig: { connectionString: server.url, max: 1 },
    listen: false,
    migrate: 'check',
  })
  await careful.ready()
  await careful.close()
  assert.deepEqual(await ask(versions), before)
}

async function worksBesideEachOther() {
  const ids = []
  for (const client of Object.values(clients)) {
    const first = await client.addJobs(
      Array.from({ length: JOBS }, (_, n) => ({
        jobType: 'work',
        payload: { n, fails: n % 10 === 0 },
        retryDelay: 0,
        ...(n % 4 === 1 && { group: { id: 'g' } }),
        ...(n % 4 === 2 && { tags: ['even'], priority: n % 3 }),
        ...(n % 4 === 3 && { idempotencyKey: `shared ${n}`, runAt: new Date(Date.now() + n * 5) }),
      })),
    )
    const after = await client.addJob({
      jobType: 'work',
      payload: { steps: true },
      dependsOn: { jobIds: first.slice(0, 5) },
    })
    const queued = await client.addJob({ jobType: 'work', payload: {}, queue: 'lane' })
    ids.push(...first, after, queued)
  }
  // A key means the same to both: the second client got the ids of the first.
  const unique = [...new Set(ids)]
  assert.equal(unique.length, ids.length - JOBS / 4)
  const kept = await clients.new.addJob({
    jobType: 'work',
    payload: {},
    idempotencyKey: 'k',
    keyScope: 'type',
    keyWindowMs: 3_600_000,
  })
  const workers = [await start('old', 'work'), await start('new', 'work')]
  const all = [...unique, kept]
  await until('all jobs have completed', async () => {
    const [{ count }] = await ask('select count(*)::integer from millrace.finished_jobs where id = any ($1)', [all])
    return count === all.length
  })
  for (const child of workers) await end(child, 'SIGTERM')
  const wrong = await ask(`select job, count(*) from ran r group by job
    having count(*) <> case when exists (select from millrace.finished_jobs f where f.id = r.job and f.payload @> '{"fails": true}') then 2 else 1 end`)
  assert.deepEqual(wrong, [])
  const by = await ask('select by, count(*)::integer from ran group by by order by by')
  assert.deepEqual(
    by.map((row) => row.by),
    ['new', 'old'],
  )
  for (const client of Object.values(clients)) {
    assert.equal(await client.addJob({ jobType: 'work', payload: {}, idempotencyKey: 'shared 3' }), ids[3])
    assert.deepEqual((await client.getJob(all[0])).status, 'completed')
    const events = await client.getJobEvents(unique[0])
    assert.deepEqual(
      events.map((/** @type {{ eventType: string }} */ event) => event.eventType),
      ['added', 'processing', 'failed', 'processing', 'completed'],
    )
  }
}

async function rescuesEachOther() {
  for (const [dying, living] of /** @type {const} */ ([
    ['old', 'new'],
    ['new', 'old'],
  ])) {
    const id = await clients[living].addJob({ jobType: 'hold', payload: {} })
    const doomed = await start(dying, 'hold')
    await until('it is held', async () => (await clients[living].getJob(id)).status === 'processing')
    await end(doomed, 'SIGKILL')
    const other = await start(living, 'work')
    await until('the other runs it', async () => (await clients[dying].getJob(id)).status === 'completed')
    await end(other, 'SIGTERM')
    assert.deepEqual(await ask('select by, attempt from ran where job = $1', [id]), [{ by: living, attempt: 2 }])
  }
}

async function changesEachOthers() {
  for (const [one, other] of [
    [clients.old, clients.new],
    [clients.new, clients.old],
  ]) {
    const [edited, cancelled] = await one.addJobs([
      { jobType: 'later', payload: {} },
      { jobType: 'later', payload: {} },
    ])
    await other.editJob(edited, { priority: 7, tags: ['x'] })
    await other.cancelJob(cancelled)
    const { priority, tags } = await one.getJob(edited)
    assert.deepEqual([priority, tags], [7, ['x']])
    assert.equal((await one.getJob(cancelled)).status, 'cancelled')
    await one.retryJob(cancelled)
    assert.equal((await other.getJob(cancelled)).status, 'pending')
    const { rows } = await db.query(`select job_id, token from millrace.get_jobs('sql', '{later}', 2)`)
    for (const { job_id: id, token } of rows) await db.query('select millrace.complete_job($1, $2)', [id, token])
    assert.equal(rows.length, 2)
    assert.equal((await one.getJob(edited)).status, 'completed')
  }
}

async function firesEachOthersSchedules() {
  for (const [maker, firing] of /** @type {const} */ ([
    ['old', 'new'],
    ['new', 'old'],
  ])) {
    const name = `of the ${maker} one`
    const schedule = await clients[maker].addCronJob({
      scheduleName: name,
      cronExpression: '* * * * * *',
      jobType: 'tick',
      payload: {},
      allowOverlap: true,
    })
    const supervisor = await start(firing, 'tick')
    const fired = `select count(*)::integer as jobs, count(distinct schedule ->> 'tick')::integer as ticks
      from (select schedule from millrace.jobs union all select schedule from millrace.finished_jobs) j where schedule ->> 'name' = $1`
    await until('it has fired', async () => (await ask(fired, [name]))[0].jobs >= 2)
    await clients[firing].removeCronJob(schedule)
    await end(supervisor, 'SIGTERM')
    const [{ jobs, ticks }] = await ask(fired, [name])
    assert.equal(jobs, ticks)
  }
}
