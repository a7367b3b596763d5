import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { MillraceError } from 'millrace'
import { findModule } from './module.ts'
import { ownVersion } from './version.ts'

export type PackageManager = 'npm' | 'pnpm' | 'yarn' | 'bun'

export interface WrittenFile {
  readonly path: string
  readonly result: 'created' | 'replaced' | 'extended' | 'kept'
}

export interface Scaffold {
  readonly files: readonly WrittenFile[]
  /** The module with the jobs. */
  readonly module: string
  /** Of what the program needs, what its package.json does not name. */
  readonly missing: { readonly dependencies: readonly string[]; readonly devDependencies: readonly string[] }
  readonly packageManager: PackageManager
}

export interface ScaffoldOptions {
  readonly force: boolean
  readonly language: 'ts' | 'js' | undefined
}

interface Manifest {
  readonly type?: unknown
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

const DEPENDENCIES: readonly string[] = ['millrace']
const DEV_DEPENDENCIES: readonly string[] = ['@millrace/cli']

/** An example job; what the module defines besides is up to its owner. */
export const EXAMPLE = { type: 'greet', payload: { name: 'Ada' } } as const

/**
 * Writes into the working directory what a program with jobs begins with. Files that are there stay as they are; with `force` the
 * module and `.env.example` are written anew, `package.json` never.
 *
 * @throws MillraceError `OPTION_INVALID` for a package.json that is not JSON
 */
export function scaffold({ force, language }: ScaffoldOptions): Scaffold {
  const before = readManifest()
  const isTypeScript = language === undefined ? before === undefined || existsSync('tsconfig.json') : language === 'ts'
  const isModule = before === undefined || before.type === 'module'
  const found = findModule(undefined)
  const module = found ?? `jobs.${isModule ? '' : 'm'}${isTypeScript ? 'ts' : 'js'}`
  const manifest: WrittenFile =
    before === undefined
      ? written('package.json', `${JSON.stringify(newManifest(module), null, 2)}\n`, false)
      : { path: 'package.json', result: 'kept' }
  const files = [
    manifest,
    written(module, /\.m?ts$/.test(module) ? TYPESCRIPT : JAVASCRIPT, force),
    written('.env.example', ENV, force),
    ignored(['node_modules', '.millrace', '.env']),
  ]
  const named = { ...before?.dependencies, ...before?.devDependencies }
  const missing =
    before === undefined
      ? { dependencies: DEPENDENCIES, devDependencies: DEV_DEPENDENCIES }
      : {
          dependencies: DEPENDENCIES.filter((name) => named[name] === undefined),
          devDependencies: DEV_DEPENDENCIES.filter((name) => named[name] === undefined),
        }
  return { files, module, missing, packageManager: packageManager() }
}

function readManifest(): Manifest | undefined {
  if (!existsSync('package.json')) return undefined
  try {
    return JSON.parse(readFileSync('package.json', 'utf8')) as Manifest
  } catch (cause) {
    const details = { field: 'package.json', remedy: 'mend it, then: millrace init' }
    throw new MillraceError('OPTION_INVALID', 'The package.json here is not JSON.', { details, cause })
  }
}

/** What npm takes as a name of a folder that may be called anything. */
function packageName(): string {
  const name = basename(resolve('.'))
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^-+|-+$/g, '')
  return name === '' || name === 'millrace' || name === 'node-modules' ? 'app' : name
}

function newManifest(module: string): object {
  const range = `^${ownVersion()}`
  const all = (names: readonly string[]): object => Object.fromEntries(names.map((name) => [name, range]))
  return {
    name: packageName(),
    version: '0.0.0',
    private: true,
    type: 'module',
    scripts: { dev: 'millrace dev', worker: `millrace worker ${module} --supervise` },
    dependencies: all(DEPENDENCIES),
    devDependencies: all(DEV_DEPENDENCIES),
  }
}

function written(path: string, text: string, force: boolean): WrittenFile {
  const isThere = existsSync(path)
  if (isThere && !force) return { path, result: 'kept' }
  writeFileSync(path, text)
  return { path, result: isThere ? 'replaced' : 'created' }
}

/** Adds what `.gitignore` lacks; its lines stay. */
function ignored(names: readonly string[]): WrittenFile {
  const path = '.gitignore'
  const before = existsSync(path) ? readFileSync(path, 'utf8') : undefined
  const lines = new Set((before ?? '').split(/\r?\n/).map((line) => line.trim().replace(/^\/|\/$/g, '')))
  const missing = names.filter((name) => !lines.has(name))
  if (missing.length === 0) return { path, result: 'kept' }
  const gap = before === undefined || before === '' || before.endsWith('\n') ? '' : '\n'
  writeFileSync(path, `${before ?? ''}${gap}${missing.map((name) => `${name}\n`).join('')}`)
  return { path, result: before === undefined ? 'created' : 'extended' }
}

const LOCK_FILES: readonly (readonly [string, PackageManager])[] = [
  ['pnpm-lock.yaml', 'pnpm'],
  ['yarn.lock', 'yarn'],
  ['bun.lock', 'bun'],
  ['bun.lockb', 'bun'],
  ['package-lock.json', 'npm'],
]

/** The one whose lock file is here or above, else the one that runs this program. */
function packageManager(): PackageManager {
  for (let folder = resolve('.'); ; folder = join(folder, '..')) {
    const found = LOCK_FILES.find(([file]) => existsSync(join(folder, file)))
    if (found !== undefined) return found[1]
    if (folder === join(folder, '..')) break
  }
  const [agent = ''] = (process.env['npm_config_user_agent'] ?? '').split('/')
  return LOCK_FILES.find(([, name]) => name === agent)?.[1] ?? 'npm'
}

const ENV = `# Where the jobs are. Without DATABASE_URL: an embedded PostgreSQL in ./.millrace, for development and single machines.
# Copy this file to .env, which is not committed.
# DATABASE_URL=postgres://user:password@localhost:5432/app
`

const TYPESCRIPT = `import { anyPayload, defineJobs } from 'millrace'

/**
 * What this program does in the background. In place of \`anyPayload\`, a schema of zod, valibot or arktype checks payloads.
 *
 * Elsewhere in the program: \`const queue = initJobQueue({ jobs })\`, then \`await queue.addJob({ jobType: 'greet', payload: { name: 'Ada' } })\`.
 */
export const jobs = defineJobs({
  greet: {
    payload: anyPayload<{ name: string }>(),
    maxAttempts: 5,
    handler: async ({ name }, _signal, ctx) => {
      await ctx.setProgress(50)
      console.log(\`Hello, \${name}\`)
      return { greeted: name }
    },
  },
})
`

const JAVASCRIPT = TYPESCRIPT.replace('<{ name: string }>', '')
