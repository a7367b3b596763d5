/**
 * Checks who may import whom. Values, not objects, pass between the rooms of the core, and that holds only as long as
 * no room reaches into another:
 *
 *     errors, model ← store, observe ← enqueue, claim, run, settle (blind to each other) ← processor, queue
 *
 * One table is easier to read and to extend than the same rules as lint options for fifteen folders. Tests are free.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const core = join(root, 'packages/core/src')

const BASE = ['model', 'errors']
const CONTRACT = [...BASE, 'store', 'observe']
const ROOMS = ['enqueue', 'claim', 'run', 'settle']

/** What each room of the core may import, besides itself; `null`: anything but what nothing may import. */
const MAY_IMPORT = /** @type {Record<string, readonly string[] | null>} */ ({
  errors: ['model'],
  model: ['errors'],
  store: [...BASE, 'observe'],
  observe: [...BASE, 'store'],
  enqueue: CONTRACT,
  claim: CONTRACT,
  run: CONTRACT,
  settle: CONTRACT,
  maintain: CONTRACT,
  supervisor: [...CONTRACT, 'maintain'],
  processor: [...CONTRACT, ...ROOMS, 'maintain', 'supervisor'],
  queue: null,
  index: null,
  postgres: [...BASE, 'store'],
  locks: BASE,
  tx: [...BASE, 'store', 'processor', 'queue'],
  sql: [...BASE, 'store', 'postgres'],
  http: [...CONTRACT, 'processor', 'supervisor', 'queue'],
  bin: ['errors'],
  testing: null,
  conformance: null,
})

/** Rooms whose content is types only, so that a store can be written without running any of our code. */
const TYPES_ONLY = [
  { from: 'store', to: 'observe' },
  { from: 'observe', to: 'store' },
]

/** Only each other and tests may import these. */
const PRIVATE = ['testing', 'conformance']

const problems = [...sourceFiles(join(root, 'packages'))].flatMap(checkFile)
for (const problem of problems) console.error(problem)
if (problems.length > 0) {
  console.error(`layers: ${problems.length} forbidden imports; the table is in tools/check-layers.mjs`)
  process.exitCode = 1
} else {
  console.log('layers: every import is allowed')
}

/** @param {string} file @returns {string[]} */
function checkFile(file) {
  const text = withoutComments(readFileSync(file, 'utf8'))
  return [...imports(text)].flatMap(({ specifier, typeOnly }) => {
    const reason = file.startsWith(core + sep)
      ? reasonInCore(file, specifier, typeOnly)
      : reasonInPackage(file, specifier)
    return reason === undefined ? [] : [`${relative(root, file)}: '${specifier}': ${reason}`]
  })
}

/** @param {string} file @param {string} specifier @param {boolean} typeOnly @returns {string | undefined} */
function reasonInCore(file, specifier, typeOnly) {
  if (!specifier.startsWith('.')) return reasonForBare(specifier)
  const from = roomOf(file)
  const target = resolve(dirname(file), specifier)
  if (!target.startsWith(core + sep)) return 'it leaves packages/core/src'
  const to = roomOf(target)
  if (from === to) return undefined
  if (!(from in MAY_IMPORT)) return `no rule for ${from}; add it to the table in tools/check-layers.mjs`
  if (PRIVATE.includes(to) && !PRIVATE.includes(from)) return `nothing imports ${to} but tests`
  const allowed = MAY_IMPORT[from]
  if (allowed && !allowed.includes(to)) return `${from} may import only ${allowed.join(', ')}`
  const typesOnly = TYPES_ONLY.some((pair) => pair.from === from && pair.to === to)
  if (typesOnly && !typeOnly) return `${from} may take only types from ${to} (\`import type\`)`
  return undefined
}

/** @param {string} file @param {string} specifier @returns {string | undefined} */
function reasonInPackage(file, specifier) {
  if (!specifier.startsWith('.')) return reasonForBare(specifier)
  const packageFolder = join(root, relative(root, file).split(sep).slice(0, 2).join(sep))
  const target = resolve(dirname(file), specifier)
  return target.startsWith(packageFolder + sep) ? undefined : 'it leaves the package; import it by its package name'
}

/** @param {string} specifier */
function reasonForBare(specifier) {
  const isDeep = /^(millrace|@millrace\/[^/]+)\/(src|dist)\//.test(specifier)
  return isDeep ? "deep paths are private; use the package's exports" : undefined
}

/** `packages/core/src/claim/loop.ts` → `claim`; `queue.ts`, `queue-config.ts` → `queue`. @param {string} path */
function roomOf(path) {
  const [first = ''] = relative(core, path).split(sep)
  const name = first.replace(/\.ts$/, '')
  return name.startsWith('queue-') ? 'queue' : name
}

/**
 * Static and dynamic imports and re-exports. TypeScript 7 has no programming interface to parse with, and the
 * formatter leaves imports in a shape that a pattern can read.
 *
 * @param {string} text
 * @returns {Generator<{ specifier: string; typeOnly: boolean }>}
 */
function* imports(text) {
  const statements = /^\s*(?:import|export)\s+(type\s+)?(?:[\w*{}\s,$]+?\s+from\s+)?['"]([^'"\n]+)['"]/gm
  for (const match of text.matchAll(statements)) {
    yield { specifier: String(match[2]), typeOnly: match[1] !== undefined }
  }
  for (const match of text.matchAll(/\bimport\(\s*['"]([^'"\n]+)['"]\s*\)/g)) {
    yield { specifier: String(match[1]), typeOnly: false }
  }
}

/** @param {string} text */
function withoutComments(text) {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
}

/** @param {string} folder @returns {Generator<string>} */
function* sourceFiles(folder) {
  for (const name of readdirSync(folder)) {
    const source = join(folder, name, 'src')
    if (existsSync(source)) yield* walk(source)
  }
}

/** @param {string} folder @returns {Generator<string>} */
function* walk(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* walk(path)
    else if (/\.tsx?$/.test(entry.name) && !/\.test(-d)?\.tsx?$/.test(entry.name)) yield path
  }
}
