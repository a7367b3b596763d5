/**
 * Makes a checkout ready: installs what the lock file says when that has not been done, and builds what is stale.
 * `npm test` and `npm run demo` begin with it, so that they work on a fresh clone. Uses Node built-ins only.
 *
 *     node tools/setup.mjs [--only packages/core,packages/pglite]
 *
 * With `--only`, a fresh clone gets what these packages need and nothing else: the frameworks and ORMs that tests run against
 * are two thirds of all there is.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { npm, root, run } from './run.mjs'

const lockFile = join(root, 'package-lock.json')
/** Begins the stamp of an install that `--only` made. */
const PART = 'part '
const stampFile = join(root, 'node_modules/.cache/millrace-installed-lock')

const only = process.argv[2] === '--only' ? (process.argv[3] ?? '').split(',') : []

requireNode(20, 19)
if (!isInstalled()) {
  const part = only.length === 0 ? [] : ['--include-workspace-root', ...only.flatMap((folder) => ['-w', folder])]
  await step('installing dependencies with `npm ci` (about a minute)', ...npm('ci', '--no-audit', '--no-fund', ...part))
  writeStamp(only.length > 0)
}
await step('', process.execPath, [join(root, 'tools/build-sql.mjs')])
await step('', process.execPath, [join(root, 'tools/build-lua.mjs')])
await step(isBuilt() ? '' : 'building the packages', process.execPath, [
  join(root, 'node_modules/typescript/bin/tsc'),
  '-b',
  ...(only.length > 0 ? only : ['tsconfig.build.json']),
])
if (only.length === 0 || only.includes('packages/dashboard'))
  await step('', process.execPath, [join(root, 'packages/dashboard/tools/build-ui.mjs')])
if (only.length === 0 || only.includes('packages/mcp'))
  await step('', process.execPath, [join(root, 'packages/mcp/tools/build-files.mjs')])

/** @param {number} major @param {number} minor */
function requireNode(major, minor) {
  const [nodeMajor = 0, nodeMinor = 0] = process.versions.node.split('.').map(Number)
  if (nodeMajor > major || (nodeMajor === major && nodeMinor >= minor)) return
  console.error(`setup: Node ${major}.${minor} or later is needed, this is ${process.versions.node}`)
  process.exit(1)
}

/**
 * Whether node_modules is what the lock file asks for, or the part of it that is asked for. The stamp is a hash, because a checkout
 * or a branch switch renews the lock file's time without changing it; the time decides only for an install that did not come from
 * here.
 */
function isInstalled() {
  if (!existsSync(join(root, 'node_modules/typescript/bin/tsc'))) return false
  const stamp = existsSync(stampFile) ? readFileSync(stampFile, 'utf8') : ''
  if (stamp === lockHash()) return true
  if (stamp.startsWith(PART)) return stamp === PART + lockHash() && only.length > 0
  const installed = join(root, 'node_modules/.package-lock.json')
  if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(lockFile).mtimeMs) return false
  writeStamp(false)
  return true
}

/** @param {boolean} isPart */
function writeStamp(isPart) {
  mkdirSync(dirname(stampFile), { recursive: true })
  writeFileSync(stampFile, (isPart ? PART : '') + lockHash())
}

function lockHash() {
  return createHash('sha256').update(readFileSync(lockFile)).digest('hex')
}

function isBuilt() {
  return existsSync(join(root, 'packages/core/dist/index.js'))
}

/**
 * Runs one command quietly; shows its output only if it fails. An empty title says nothing unless it fails or writes
 * something worth reading (a regenerated file).
 *
 * @param {string} title
 * @param {string} command
 * @param {string[]} args
 */
async function step(title, command, args) {
  const started = Date.now()
  if (title) console.log(`setup: ${title} …`)
  const seconds = () => `${Math.round((Date.now() - started) / 1000)} s`
  const ticker = setInterval(() => console.log(`setup: still ${title || 'building'} (${seconds()})`), 15_000)
  const { code, output } = await run(command, args)
  clearInterval(ticker)
  if (code !== 0) {
    console.error(output)
    console.error(`setup: failed: ${[command, ...args].join(' ')}`)
    process.exit(1)
  }
  if (title) console.log(`setup: done in ${seconds()}`)
  else if (output.trim()) console.log(output.trim())
}
