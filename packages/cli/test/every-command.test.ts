import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { initJobQueue, type JobQueue, type JobQueueConfig } from 'millrace'
import pg from 'pg'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { createProgram } from '../src/program.ts'
import { resultOf } from '../src/results.ts'
import { type Ended, run, start } from './support/command.ts'
import { temporaryFolder } from './support/folder.ts'
import { poll } from './support/poll.ts'
import { Terminal } from './support/terminal.ts'
import { add, USES } from './support/uses.ts'

const url = process.env['MILLRACE_TEST_PG18_URL'] ?? ''
const redisUrl = process.env['MILLRACE_TEST_REDIS_URL'] ?? ''
const SCHEMA = 'cli_every_command'
const PREFIX = `cli-every-${process.pid}:`
const JOBS = fileURLToPath(new URL('programs/jobs.mjs', import.meta.url))
const TIME_LIMIT_MS = 90_000

/** Tried in a folder of their own, or in tests of their own below. */
const ELSEWHERE = new Set(['init', 'dev', 'export', 'import', 'mcp', 'agents install'])

function leaves(command: Command, path: string = ''): string[] {
  if (command.commands.length === 0) return [path]
  return command.commands.flatMap((inner) => leaves(inner, `${path} ${inner.name()}`.trim()))
}

/** As a shell takes them: quotes hold together. */
const wordsOf = (text: string, id: number | string): string[] =>
  [...text.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain = '']) =>
    (quoted ?? plain).replace('{id}', String(id)).replace('JOBS', JOBS),
  )

it('none is left out', ({ expect }) => {
  const tried = USES.map(({ words }) => words)
  const missing = leaves(createProgram()).filter(
    (path) => !ELSEWHERE.has(path) && !tried.some((words) => `${words} `.startsWith(`${path} `)),
  )
  expect(missing).toEqual([])
  // Whoever writes a program around them finds it in the help.
  for (const path of leaves(createProgram()))
    expect([path, resultOf(path)?.json]).toEqual([path, expect.stringMatching(/./)])
})

/** What it printed as JSON: a value, the first of many lines, or an error. */
function valueOf({ stdout, stderr }: Ended, isFirstLine: boolean): unknown {
  if (stdout === '') return JSON.parse(stderr.slice(stderr.indexOf('{')))
  return JSON.parse(isFirstLine ? (stdout.split('\n')[0] ?? '') : stdout)
}

interface Store {
  readonly name: string
  readonly url: string
  readonly env: Readonly<Record<string, string>>
  readonly place: readonly string[]
  readonly config: JobQueueConfig
}

const STORES: readonly Store[] = [
  {
    name: 'PostgreSQL',
    url,
    env: { DATABASE_URL: url },
    place: ['--schema', SCHEMA],
    config: { databaseConfig: { connectionString: url, max: 4 }, schema: SCHEMA, listen: false },
  },
  {
    name: 'Redis',
    url: redisUrl,
    env: { REDIS_URL: redisUrl },
    place: ['--key-prefix', PREFIX],
    config: { backend: 'redis', redisConfig: { url: redisUrl, keyPrefix: PREFIX }, listen: false },
  },
]

describe.each(STORES.filter(({ url: there }) => there !== ''))(
  'in a terminal, on $name',
  { timeout: TIME_LIMIT_MS },
  ({ name: store, env, place, config }) => {
    let queue: JobQueue
    const schemas = store === 'Redis' ? [] : [SCHEMA, `${SCHEMA}_moved`]
    const dropAll = async (): Promise<void> => {
      if (schemas.length === 0) return
      const client = new pg.Client(url)
      await client.connect()
      for (const schema of schemas) await client.query(`drop schema if exists ${schema} cascade`)
      await client.end()
    }
    /** There is always something to tell, while `wait` waits for it. */
    const withNews = async (wait: () => Promise<unknown>): Promise<void> => {
      const timer = setInterval(() => void add(queue, 'mail').catch(() => {}), 300)
      try {
        await wait()
      } finally {
        clearInterval(timer)
      }
    }
    beforeAll(async () => {
      await dropAll()
      queue = initJobQueue(config)
      await queue.ready()
      // That the doctor has something to find.
      await add(queue, 'lonely')
      await add(queue, 'mail')
    })
    afterAll(async () => {
      await queue.close()
      await dropAll()
    })

    it.concurrent.for(USES)('$words ($code)', async (use, { expect }) => {
      const { make, shows, code, json, goesOn, sqlOnly = false } = use
      const isRefused = sqlOnly && store === 'Redis'
      const where = isRefused ? ['--redis', redisUrl] : use.words.startsWith('bench') ? [] : place
      const words = async (): Promise<string[]> => {
        const made = make === undefined ? '' : await make(queue)
        return [...wordsOf(use.words, made), ...where]
      }
      await using terminal = await Terminal.open(await words(), { env, columns: 160 })
      if (goesOn !== undefined) {
        await withNews(() => terminal.shows(goesOn.until))
        await terminal.send(...goesOn.keys)
      }
      expect([await terminal.exitCode(30_000), await terminal.screen({ history: true })]).toEqual([
        isRefused ? 2 : code,
        expect.stringMatching(isRefused ? /error FEATURE_UNSUPPORTED[^]*do: / : shows),
      ])
      if (json === null) return
      const called = start([...(await words()), '--json'], { env })
      if (goesOn !== undefined) {
        await withNews(() => poll(() => called.text().includes('\n'), { within: 30_000 }))
        called.child.kill('SIGINT')
      }
      const ended = await called.ended
      const wanted = isRefused ? [2, { error: { code: 'FEATURE_UNSUPPORTED' } }] : [code, json]
      expect([ended.code, valueOf(ended, goesOn !== undefined)]).toMatchObject(wanted)
    })

    it('export and import', async ({ expect }) => {
      using folder = temporaryFolder()
      const file = join(folder.path, 'jobs.jsonl')
      const moved = store === 'Redis' ? ['--key-prefix', `${PREFIX}moved:`] : ['--schema', `${SCHEMA}_moved`]
      await run(['migrate', ...moved], { env })
      await using out = await Terminal.open(['export', file, ...place], { env, columns: 160 })
      expect([await out.exitCode(), await out.screen()]).toEqual([
        0,
        expect.stringMatching(/\d+ lines in .*\n.*millrace resume --all/),
      ])
      await using into = await Terminal.open(['import', file, ...moved], { env })
      expect([await into.exitCode(), await into.screen()]).toEqual([
        0,
        expect.stringMatching(/jobs +\d+, of which 0 had/),
      ])
      const again = await run(['import', file, '--json', ...moved], { env })
      expect([again.code, JSON.parse(again.stdout)]).toMatchObject([
        0,
        { knownJobs: expect.any(Number), keptIds: true },
      ])
      await using nothing = await Terminal.open(['import', ...moved], { env })
      expect([await nothing.exitCode(), await nothing.screen()]).toEqual([
        2,
        expect.stringMatching(/No file is named[^]*do: +millrace import FILE/),
      ])
    })
  },
)
