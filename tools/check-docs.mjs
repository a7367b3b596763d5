/**
 * Compiles, and where asked runs, the TypeScript in the documentation, so that no example is wrong.
 *
 *     node tools/check-docs.mjs [file.md …]
 *
 * Every ```ts block of README.md, packages/*\/README.md and docs is a module of its own, compiled strictly against the
 * built packages. After the language a block may say
 *
 *     ```ts no-check      not compiled (a fragment, a signature)
 *     ```ts run           also run, on the embedded database, in an empty folder
 *
 * A reader does not need to see every declaration: `<!-- setup: … -->` before a block is compiled in front of it.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { installed, root, run } from './run.mjs'

/**
 * @typedef {object} Block
 * @property {string} file - Markdown file, relative to the repository.
 * @property {number} line - Of the first line of its code.
 * @property {string} setup
 * @property {string} code
 * @property {boolean} runs
 * @property {'ts' | 'tsx'} extension
 */

const RUN_TIMEOUT_MS = 60_000

/** What a user of some framework or library reads first: a page, which begins with the lines to copy. Details are for docs/reference. */
const INTEGRATION_GUIDES = [
  'dashboard',
  'doctor-jobs',
  'frameworks',
  'locks',
  'migrating-from-job-system',
  'nestjs',
  'nextjs',
  'opentelemetry',
  'react',
  'serverless',
  'testing',
  'transactions',
].map((name) => `docs/guides/${name}.md`)
const PAGE_LINES = 80
const FIRST_CODE_BY_LINE = 10

// Inside the checkout, so that `import 'millrace'` finds the workspace packages.
const work = join(root, 'node_modules/.cache/check-docs')
rmSync(work, { recursive: true, force: true })
mkdirSync(work, { recursive: true })

const given = process.argv.slice(2)
const files = given.length > 0 ? given : markdownFiles()
const blocks = files.flatMap(blocksOf)
const failures = files.filter((file) => INTEGRATION_GUIDES.includes(file)).flatMap(faultsOfGuide)
if (given.length === 0)
  failures.push(...INTEGRATION_GUIDES.filter((guide) => !files.includes(guide)).map((guide) => `${guide}: it is gone`))
if (blocks.length > 0) failures.push(...(await compile()), ...(await runAll()))
for (const failure of failures) console.error(failure)
const ran = blocks.filter((block) => block.runs).length
console.log(`docs: ${blocks.length} examples compiled, ${ran} run, ${failures.length} problems`)
if (failures.length > 0) process.exitCode = 1

/** @returns {string[]} */
function markdownFiles() {
  const readmes = readdirSync(join(root, 'packages')).map((name) => `packages/${name}/README.md`)
  const pages = existsSync(join(root, 'docs'))
    ? readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    : []
  const docs = pages
    .filter((path) => path.endsWith('.md') && !path.includes('node_modules'))
    .map((path) => `docs/${path}`)
  return ['README.md', ...readmes, ...docs.sort()].filter((path) => existsSync(join(root, path)))
}

/** By what a reader sees. @param {string} path @returns {string[]} */
function faultsOfGuide(path) {
  const text = readFileSync(join(root, path), 'utf8').replaceAll('\r\n', '\n').trimEnd()
  const lines = text.replaceAll(/<!--[\s\S]*?-->\n?/g, '').split('\n')
  const first = lines.findIndex((line) => line.startsWith('```')) + 1
  return [
    ...(lines.length > PAGE_LINES ? [`${path}: ${lines.length} lines, where a page has ${PAGE_LINES}`] : []),
    ...(first < 1 || first > FIRST_CODE_BY_LINE
      ? [`${path}: its first code is in line ${first}; it begins with the lines to copy`]
      : []),
  ]
}

/** @param {string} path @returns {Block[]} */
function blocksOf(path) {
  const file = relative(root, join(root, path))
  const text = readFileSync(join(root, path), 'utf8').replaceAll('\r\n', '\n')
  const parts = /<!--\s*setup:\s*([\s\S]*?)-->|^([ \t]*)(`{3,})([^\n`]*)\n([\s\S]*?)^[ \t]*\3[ \t]*$/gm
  /** @type {Block[]} */
  const found = []
  let setup = ''
  for (const match of text.matchAll(parts)) {
    const [, comment, indent = '', , info, code] = match
    if (comment !== undefined) {
      setup += `${comment.trimEnd()}\n`
      continue
    }
    const [language, ...flags] = String(info).trim().split(/\s+/)
    if (/^(ts|tsx|typescript)$/.test(String(language)) && !flags.includes('no-check')) {
      const line = text.slice(0, match.index).split('\n').length + 1
      const body = String(code).replace(new RegExp(`^${indent}`, 'gm'), '')
      found.push({
        file,
        line,
        setup,
        code: body,
        runs: flags.includes('run'),
        extension: language === 'tsx' ? 'tsx' : 'ts',
      })
    }
    setup = ''
  }
  return found
}

/** @returns {Promise<string[]>} What the compiler found, with the places in the Markdown files. */
async function compile() {
  blocks.forEach((block, index) => {
    writeFileSync(join(work, `block${index}.${block.extension}`), `${block.setup}${block.code}\nexport {}\n`)
  })
  writeFileSync(join(work, 'package.json'), '{ "type": "module" }')
  const compilerOptions = {
    composite: false,
    isolatedDeclarations: false,
    noPropertyAccessFromIndexSignature: false,
    declaration: false,
    declarationMap: false,
    sourceMap: false,
    jsx: 'react-jsx',
    // What users of Nest write: decorators, and constructor parameters that are properties.
    experimentalDecorators: true,
    erasableSyntaxOnly: false,
    // The declarations of pg-boss 12.38 have errors of their own; ours are checked where they are made.
    skipLibCheck: true,
    rootDir: '.',
    outDir: 'out',
  }
  const config = {
    extends: relative(work, join(root, 'tsconfig.base.json')),
    compilerOptions,
    include: ['*.ts', '*.tsx'],
  }
  writeFileSync(join(work, 'tsconfig.json'), JSON.stringify(config))
  const { code, output } = await run(...installed('typescript/bin/tsc', ['-p', work, '--pretty', 'false']), {
    cwd: work,
  })
  if (code === 0) return []
  return output
    .trim()
    .split('\n')
    .map((line) =>
      line.replace(/^block(\d+)\.tsx?\((\d+),(\d+)\)/, (_, index, row) => placeOf(Number(index), Number(row))),
    )
}

/** @param {number} index @param {number} row - Line in the compiled module, from 1. */
function placeOf(index, row) {
  const block = blocks[index]
  if (!block) return `block ${index}`
  const inCode = row - (block.setup.split('\n').length - 1)
  return inCode < 1
    ? `${block.file}:${block.line} (its setup, line ${row})`
    : `${block.file}:${block.line + inCode - 1}`
}

/** One after the other: each opens a database of its own. @returns {Promise<string[]>} */
async function runAll() {
  const problems = []
  for (const [index, block] of blocks.entries()) {
    if (!block.runs) continue
    const cwd = mkdtempSync(join(tmpdir(), 'millrace-docs-'))
    try {
      const script = join(work, 'out', `block${index}.js`)
      const env = { DATABASE_URL: '', REDIS_URL: '' }
      const { code, output } = await run(process.execPath, [script], { cwd, env, timeoutMs: RUN_TIMEOUT_MS })
      if (code !== 0) problems.push(`${block.file}:${block.line}: the example failed\n${output.trimEnd()}`)
    } finally {
      rmSync(cwd, { recursive: true, force: true, maxRetries: 5 })
    }
  }
  return problems
}
