/**
 * What a stranger does: installs the packed packages into an empty folder beside a framework, copies the lines the guide begins
 * with, compiles them with its own TypeScript, and runs them. Needs npm's registry and a minute or three.
 *
 *     node tools/check-install.mjs [fastify express hono koa nest nest-11 next prisma]
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { npm, root, run } from './run.mjs'
import { freePort } from './servers/ports.mjs'
import { startPostgres } from './servers/postgres.mjs'

/**
 * @typedef {object} Stranger
 * @property {string[]} install - Packages of the registry, and names of ours.
 * @property {Record<string, string>} files
 * @property {[string, ...string[]][]} build - Programs of node_modules, with arguments.
 * @property {string[]} start - Arguments of node.
 * @property {string} [post] - Where a mail for ada is asked for; without it the program asks itself.
 * @property {string} [says] - What shows that its job has run.
 */

const WITHIN_MS = 60_000
const SAYS = 'a mail to ada'

const COMPILER = {
  module: 'nodenext',
  target: 'es2022',
  strict: true,
  skipLibCheck: true,
  rewriteRelativeImportExtensions: true,
  esModuleInterop: true,
  types: ['node'],
  rootDir: '.',
  outDir: 'dist',
}
const TSC = /** @type {[string, ...string[]]} */ (['typescript/bin/tsc'])

const work = mkdtempSync(join(tmpdir(), 'millrace-strangers-'))
const server = await startPostgres({ version: 18, settings: { fsync: 'off' } })
/** @type {string[]} */
const problems = []
try {
  const tarballs = await pack()
  const wanted = process.argv.slice(2)
  for (const [name, stranger] of Object.entries(strangers())) {
    if (wanted.length > 0 && !wanted.includes(name)) continue
    const began = Date.now()
    const problem = await visit(name, stranger, tarballs).catch((/** @type {Error} */ error) => error.message)
    console.log(`${problem === undefined ? 'ok    ' : 'FAILED'} ${name} (${Math.round((Date.now() - began) / 1000)} s)`)
    if (problem !== undefined) problems.push(`${name}: ${problem}`)
  }
} finally {
  await server.stop('immediate')
  rmSync(work, { recursive: true, force: true, maxRetries: 5 })
}
for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exitCode = 1

/** @returns {Record<string, Stranger>} */
function strangers() {
  const prelude = `import { initJobQueue } from 'millrace'
const queue = initJobQueue<{ mail: { to: string } }>()
const handlers = { mail: async ({ to }: { to: string }) => console.log(\`a mail to \${to}\`) }
`
  const frameworks = 'docs/guides/frameworks.md'
  const express = `${prelude}${block(frameworks, 1)}`
  return {
    fastify: serverOf(['fastify@5'], block(frameworks, 0)),
    express: serverOf(['express@5', '@types/express@5'], express),
    hono: serverOf(['hono@4', '@hono/node-server@2'], `${prelude}${block(frameworks, 2)}`),
    // "The same with millraceKoa": and with what Koa itself needs to read a body.
    koa: serverOf(
      ['koa@3', '@types/koa@3', '@koa/bodyparser@6'],
      express
        .replace("import express from 'express'", "import Koa from 'koa'\nimport { bodyParser } from '@koa/bodyparser'")
        .replace('= express()', '= new Koa()')
        .replaceAll('millraceExpress', 'millraceKoa')
        .replace('app.use(express.json(), jobs.middleware)', 'app.use(bodyParser()).use(jobs.middleware)')
        .replace(
          /app\.post.*\n/,
          "app.use(async (ctx) => { ctx.body = { id: await ctx.state.jobs.addJob({ jobType: 'mail', payload: ctx.request.body }) } })\n",
        ),
    ),
    nest: nest(['@nestjs/common@12', '@nestjs/core@12'], 'module', '.ts'),
    'nest-11': nest(['@nestjs/common@11', '@nestjs/core@11'], 'commonjs', ''),
    next: next(),
    prisma: prisma(),
  }
}

/** @param {string[]} install @param {string} code @returns {Stranger} */
function serverOf(install, code) {
  const files = {
    'app.ts': code
      .replace('port: 3000', 'port: Number(process.env.PORT)')
      .replace('(3000,', '(Number(process.env.PORT),'),
  }
  return { install: [...install, 'millrace'], files, build: [TSC], start: ['dist/app.js'], post: '/mails' }
}

/** As `nest new` sets it up. @param {string[]} install @param {string} type @param {string} suffix @returns {Stranger} */
function nest(install, type, suffix) {
  const main = `import { NestFactory } from '@nestjs/core'
import { AppModule, Signup } from './app.module${suffix}'

globalThis.fetch = async (url) => {
  console.log(\`a mail to \${new URL(String(url)).searchParams.get('to')}\`)
  return new Response()
}
async function bootstrap() {
  const app = await NestFactory.createApplicationContext(AppModule)
  app.enableShutdownHooks()
  await app.get(Signup).register('ada')
}
void bootstrap()
`
  const decorators = { experimentalDecorators: true, emitDecoratorMetadata: true }
  return {
    install: [...install, 'reflect-metadata', 'rxjs@7', 'millrace', '@millrace/nestjs'],
    files: {
      'package.json': JSON.stringify({ private: true, type }),
      'tsconfig.json': JSON.stringify({ compilerOptions: { ...COMPILER, ...decorators } }),
      'app.module.ts': `${block('docs/guides/nestjs.md', 0)}export { Signup }\n`,
      'main.ts': main,
    },
    build: [TSC],
    start: ['dist/main.js'],
  }
}

/** As `create-next-app` sets it up. @returns {Stranger} */
function next() {
  const guide = 'docs/guides/nextjs.md'
  return {
    install: ['next@16', 'react@19', 'react-dom@19', '@types/react@19', 'millrace', '@millrace/next'],
    files: {
      'package.json': JSON.stringify({ private: true }),
      'tsconfig.json': JSON.stringify({
        compilerOptions: {
          target: 'ES2017',
          lib: ['dom', 'dom.iterable', 'esnext'],
          allowJs: true,
          skipLibCheck: true,
          strict: true,
          noEmit: true,
          esModuleInterop: true,
          module: 'esnext',
          moduleResolution: 'bundler',
          resolveJsonModule: true,
          isolatedModules: true,
          jsx: 'react-jsx',
          incremental: true,
          paths: { '@/*': ['./*'] },
        },
        include: ['**/*.ts', '**/*.tsx'],
        exclude: ['node_modules'],
      }),
      'instrumentation.ts': block(guide, 0),
      'next.config.mjs': block(guide, 1),
      'lib/jobs.ts': block(guide, 2),
      'app/api/jobs/run/route.ts': block(guide, 3),
      'app/api/jobs/status/route.ts': block(guide, 4).replace(
        'isOwner(request, job)',
        'request !== null && job !== null',
      ),
      'app/layout.tsx':
        'export default function Layout({ children }: { children: React.ReactNode }) { return <html><body>{children}</body></html> }\n',
      'app/page.tsx': 'export default function Page() { return <p>A shop</p> }\n',
      'app/mails/route.ts': `import { queue } from '@/lib/jobs'
export async function POST(request: Request) {
  return Response.json({ id: await queue.addJob({ jobType: 'mail', payload: await request.json() }) })
}
`,
    },
    build: [['next/dist/bin/next', 'build']],
    start: ['node_modules/next/dist/bin/next', 'start'],
    post: '/mails',
  }
}

/** @returns {Stranger} */
function prisma() {
  const code = block('docs/reference/transactions.md', 0).replace(
    'await prisma.$transaction',
    `await prisma.$executeRawUnsafe('create table if not exists "User" (id serial primary key, name text not null)')
queue.createProcessor({ welcome: async ({ userId }) => console.log(\`a mail to \${userId === 1 ? 'ada' : userId}\`) }).startInBackground()
process.once('SIGTERM', () => void queue.close().then(() => prisma.$disconnect()))
await prisma.$transaction`,
  )
  const schema = `generator client {
  provider = "prisma-client"
  output   = "./generated/prisma"
}
datasource db {
  provider = "postgresql"
}
model User {
  id   Int    @id @default(autoincrement())
  name String
}
`
  return {
    install: ['prisma@7', '@prisma/client@7', '@prisma/adapter-pg@7', '@types/pg', 'millrace'],
    files: { 'schema.prisma': schema, 'app.ts': code },
    build: [['prisma/build/index.js', 'generate', '--schema', 'schema.prisma'], TSC],
    start: ['dist/app.js'],
  }
}

/**
 * @param {string} name @param {Stranger} stranger @param {Map<string, string>} tarballs
 * @returns {Promise<string | undefined>} What went wrong.
 */
async function visit(name, { install, files, build, start, post, says = SAYS }, tarballs) {
  const folder = join(work, name)
  const all = {
    'package.json': JSON.stringify({ private: true, type: 'module' }),
    'tsconfig.json': JSON.stringify({ compilerOptions: COMPILER }),
    ...files,
  }
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  // What ours needs of ours comes from the tarballs as well.
  const ours = ['millrace', '@millrace/pglite', ...install.filter((one) => tarballs.has(one))]
  const packages = [
    ...install.filter((one) => !tarballs.has(one)),
    ...new Set(ours.map((one) => tarballs.get(one) ?? one)),
  ]
  const [command, args] = npm('install', '--no-audit', '--no-fund', ...packages, 'typescript@5.9', '@types/node@20')
  const installed = await run(command, args, { cwd: folder })
  if (installed.code !== 0) return `npm install\n${installed.output}`
  const env = {
    DATABASE_URL: post === undefined || name === 'next' ? server.url : '',
    NEXT_MANUAL_SIG_HANDLE: 'true',
    CHECKPOINT_DISABLE: '1',
    // `generate` would fetch the engine that migrates, which is nothing to this.
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
  }
  for (const [program, ...rest] of build) {
    const built = await run(process.execPath, [join(folder, 'node_modules', program), ...rest], { cwd: folder, env })
    if (built.code !== 0) return `${program}\n${built.output}`
  }
  return runs({ folder, env, start, post, says })
}

/** @param {{ folder: string, env: Record<string, string>, start: string[], post: string | undefined, says: string }} program */
async function runs({ folder, env, start, post, says }) {
  const port = await freePort()
  const child = spawn(process.execPath, start, { cwd: folder, env: { ...process.env, ...env, PORT: String(port) } })
  const exit = once(child, 'exit')
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
  const ask = async () => {
    const body = JSON.stringify({ to: 'ada' })
    const headers = { 'content-type': 'application/json' }
    return post === undefined || (await fetch(`http://localhost:${port}${post}`, { method: 'POST', body, headers })).ok
  }
  try {
    if (!(await until(() => ask().catch(() => false), child))) return `it did not take a job\n${output}`
    if (!(await until(async () => output.includes(says), child))) return `the job did not run\n${output}`
    child.kill('SIGTERM')
    const [code, signal] = await exit
    // Nest sends itself the signal again when its hooks have run.
    return code === 0 || signal === 'SIGTERM' ? undefined : `it ended with ${code ?? signal}\n${output}`
  } finally {
    child.kill('SIGKILL')
  }
}

/** @param {() => Promise<boolean>} isSo @param {import('node:child_process').ChildProcess} child */
async function until(isSo, child) {
  const deadline = Date.now() + WITHIN_MS
  while (!(await isSo())) {
    if (Date.now() > deadline || child.exitCode !== null) return false
    await sleep(100)
  }
  return true
}

/** Our packages as npm would deliver them, by name. @returns {Promise<Map<string, string>>} */
async function pack() {
  const tarballs = new Map()
  for (const folder of readdirSync(join(root, 'packages'))) {
    const { name } = JSON.parse(readFileSync(join(root, 'packages', folder, 'package.json'), 'utf8'))
    const target = join(work, 'tarballs', folder)
    mkdirSync(target, { recursive: true })
    const [command, args] = npm('pack', join(root, 'packages', folder), '--pack-destination', target)
    const { code, output } = await run(command, args)
    if (code !== 0) throw new Error(output)
    tarballs.set(name, join(target, String(readdirSync(target)[0])))
  }
  return tarballs
}

/** The code of one of the examples of a page, from 0. @param {string} path @param {number} index */
function block(path, index) {
  const text = readFileSync(join(root, path), 'utf8').replaceAll('\r\n', '\n')
  const code = [...text.matchAll(/^```ts[^\n]*\n([\s\S]*?)^```/gm)][index]?.[1]
  if (code === undefined) throw new Error(`${path} has no example ${index}`)
  return code
}
