/**
 * Runs the tests against real PostgreSQL and Redis servers:  npm test [-- path/filter] [--no-servers] [vitest options]
 *
 * The servers' addresses reach the tests as MILLRACE_TEST_PG18_URL, MILLRACE_TEST_PG14_URL and MILLRACE_TEST_REDIS_URL; one
 * that is set already is used as it is. With CI=true a server that does not start fails the run; elsewhere its tests are skipped.
 * The last line is `N passed, N failed`, counted from the runner's own report.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startPostgres } from './servers/postgres.mjs'
import { startRedis } from './servers/redis.mjs'
import { installPackages } from './servers/system-packages.mjs'

const VERSIONS = /** @type {const} */ ([18, 14])
const REDIS_VARIABLE = 'MILLRACE_TEST_REDIS_URL'
const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const inCi = process.env['CI'] === 'true' || process.env['CI'] === '1'
const args = process.argv.slice(2)
const hasProcessGroups = process.platform !== 'win32'
const wantsServers = !args.includes('--no-servers')

const interrupted = new AbortController()
for (const name of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.on(name, () => interrupted.abort())

const reportFolder = mkdtempSync(join(tmpdir(), 'millrace-test-'))
/** @type {{ stop(mode?: string): Promise<void> }[]} */
const servers = []
try {
  const env = wantsServers ? await startServers() : {}
  const code = await runVitest(env)
  process.exitCode = interrupted.signal.aborted ? 130 : summarise(code)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  await Promise.allSettled(servers.map((server) => server.stop('immediate')))
  rmSync(reportFolder, { recursive: true, force: true })
}

/** @returns {Promise<Record<string, string>>} The addresses of what was started. */
async function startServers() {
  const missing = installPackages()
  if (missing.length > 0) console.warn(`test: not on this machine: ${missing.join(', ')}`)
  const wanted = [
    ...VERSIONS.map((version) => ({
      name: `PostgreSQL ${version}`,
      variable: urlVariable(version),
      start: () => startPostgres({ version }),
    })),
    { name: 'Redis', variable: REDIS_VARIABLE, start: () => startRedis() },
  ].filter(({ variable }) => !process.env[variable])
  /** @type {Record<string, string>} */
  const env = {}
  const started = await Promise.allSettled(
    wanted.map(async ({ variable, start }) => {
      const server = await start()
      servers.push(server)
      env[variable] = server.url
    }),
  )
  started.forEach((result, index) => {
    if (result.status === 'fulfilled') return
    const message = `test: no ${wanted[index]?.name}: ${result.reason.message}`
    if (inCi) throw new Error(message)
    console.warn(`${message}\ntest: the tests that need it are SKIPPED`)
  })
  return env
}

/** @param {number} version */
function urlVariable(version) {
  return `MILLRACE_TEST_PG${version}_URL`
}

/**
 * @param {Record<string, string>} env
 * @returns {Promise<number>} The runner's exit code.
 */
function runVitest(env) {
  const options = args.filter((argument) => argument !== '--no-servers')
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile()}`]
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [vitest, 'run', ...reporters, ...options], {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'inherit', 'inherit'],
      detached: hasProcessGroups,
    })
    interrupted.signal.addEventListener('abort', () => endGroup(child))
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
  })
}

/**
 * Ends the runner with its workers, which would otherwise finish the test they are in.
 *
 * @param {import('node:child_process').ChildProcess} child
 */
function endGroup(child) {
  if (!hasProcessGroups || child.pid === undefined) child.kill()
  else process.kill(-child.pid, 'SIGTERM')
}

/**
 * Prints the closing line. A file that could not be loaded, a leak found by a hook and an unhandled error have no
 * failed test of their own in the report; each counts as one.
 *
 * @param {number} runnerCode
 * @returns {number} The exit code.
 */
function summarise(runnerCode) {
  const report = readReport()
  const brokenFiles = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  ).length
  let failed = report.numFailedTests + brokenFiles
  if (failed === 0 && runnerCode !== 0) failed = 1
  const passed = report.numPassedTests
  const skipped = report.numPendingTests + report.numTodoTests
  if (passed + failed === 0) console.error('test: no test ran')
  const line = `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
  const summaryFile = process.env['MILLRACE_TEST_SUMMARY_FILE']
  if (summaryFile) writeFileSync(summaryFile, `${line}\n`)
  console.log(line)
  return failed > 0 || passed === 0 ? 1 : 0
}

/**
 * @returns {{ numPassedTests: number; numFailedTests: number; numPendingTests: number; numTodoTests: number;
 *   testResults: { status: string; assertionResults: { status: string }[] }[] }}
 */
function readReport() {
  try {
    return JSON.parse(readFileSync(reportFile(), 'utf8'))
  } catch {
    return { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, testResults: [] }
  }
}

function reportFile() {
  return join(reportFolder, 'report.json')
}
