import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { type Ended, run } from './support/command.ts'
import { temporaryFolder } from './support/folder.ts'

const BIN = fileURLToPath(new URL('../dist/bin.js', import.meta.url))

interface Written {
  readonly path: string
  readonly result: string
}

async function install(cwd: string, ...options: string[]): Promise<Ended & { readonly files: readonly Written[] }> {
  const ended = await run(['agents', 'install', '--json', ...options], { cwd })
  const { files = [] } = JSON.parse(ended.stdout || '{}') as { files?: Written[] }
  return { ...ended, files }
}

const resultsOf = (files: readonly Written[]): readonly string[] => [...new Set(files.map(({ result }) => result))]

describe('agents install', () => {
  it('writes rules and skills into an empty folder, and nothing the second time', async () => {
    using folder = temporaryFolder()
    const at = (name: string): string => readFileSync(join(folder.path, name), 'utf8')
    expect(await install(folder.path, '--check')).toMatchObject({ code: 1 })
    expect(existsSync(join(folder.path, 'AGENTS.md'))).toBe(false)

    const first = await install(folder.path)
    expect(first.code).toBe(0)
    expect(resultsOf(first.files)).toEqual(['created'])
    expect(first.files.some(({ path }) => path.includes('.claude') || path === 'CLAUDE.md')).toBe(false)
    expect(at('AGENTS.md')).toMatch(/^<!-- millrace:begin[^]*defineJobs[^]*<!-- millrace:end -->\n$/)
    expect(at('.agents/skills/millrace-jobs/SKILL.md')).toMatch(
      /^---\nname: millrace-jobs\ndescription: .*\n---\n<!-- millrace:file /,
    )
    const links = [...at('.agents/skills/millrace-jobs/SKILL.md').matchAll(/\((references\/[^)]+)\)/g)].map(
      ([, name = '']) => name,
    )
    expect(links.length).toBeGreaterThan(5)
    for (const link of links) at(`.agents/skills/millrace-jobs/${link}`)

    const second = await install(folder.path)
    expect(resultsOf(second.files)).toEqual(['kept'])
    expect(await install(folder.path, '--check')).toMatchObject({ code: 0 })
  })

  it('leaves what is around the markers, and brings what is between them up to date', async () => {
    using folder = temporaryFolder()
    const agents = join(folder.path, 'AGENTS.md')
    writeFileSync(agents, '# Ours\n\nUse tabs.')
    mkdirSync(join(folder.path, '.claude'))
    const first = await install(folder.path)
    expect(first.files).toEqual(
      expect.arrayContaining([
        { path: 'AGENTS.md', result: 'extended' },
        { path: 'CLAUDE.md', result: 'created' },
      ]),
    )
    expect(first.files.some(({ path }) => path.startsWith('.claude/skills/'))).toBe(true)
    const whole = readFileSync(agents, 'utf8')
    expect(whole).toMatch(/^# Ours\n\nUse tabs\.\n\n<!-- millrace:begin/)

    writeFileSync(agents, `${whole.replace(/defineJobs/g, 'oldName')}\nAnd spaces.\n`)
    expect(await install(folder.path, '--check')).toMatchObject({ code: 1 })
    expect((await install(folder.path)).files).toContainEqual({ path: 'AGENTS.md', result: 'replaced' })
    expect(readFileSync(agents, 'utf8')).toBe(`${whole}\nAnd spaces.\n`)
  })

  it('never overwrites a file of somebody else, nor one of ours that somebody changed', async () => {
    using folder = temporaryFolder()
    const place = join(folder.path, '.agents/skills/millrace-jobs')
    mkdirSync(place, { recursive: true })
    writeFileSync(join(place, 'SKILL.md'), 'mine')
    const first = await install(folder.path)
    expect(first.files).toContainEqual({ path: '.agents/skills/millrace-jobs/SKILL.md', result: 'foreign' })
    expect(readFileSync(join(place, 'SKILL.md'), 'utf8')).toBe('mine')
    const reference = join(place, 'references/reference-api.md')
    appendFileSync(reference, 'and a note of mine\n')
    const second = await install(folder.path)
    expect(second.files.filter(({ result }) => result === 'foreign')).toHaveLength(2)
    expect(readFileSync(reference, 'utf8')).toContain('a note of mine')
  })

  it('refuses a file of which it cannot tell what is its own', async () => {
    using folder = temporaryFolder()
    const text = '# Ours\n<!-- millrace:begin -->\nrules\n'
    writeFileSync(join(folder.path, 'AGENTS.md'), text)
    const ended = await install(folder.path)
    expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining('CONFIG_INVALID') })
    expect(readFileSync(join(folder.path, 'AGENTS.md'), 'utf8')).toBe(text)
    expect(existsSync(join(folder.path, '.agents'))).toBe(false)
  })
})

const STORES = [
  ['PostgreSQL', 'DATABASE_URL', process.env['MILLRACE_TEST_PG18_URL'] ?? '', ['--schema', 'cli_mcp_none']],
  ['Redis', 'REDIS_URL', process.env['MILLRACE_TEST_REDIS_URL'] ?? '', ['--key-prefix', `cli-mcp-${process.pid}:`]],
] as const

describe.each(STORES.filter(([, , url]) => url !== ''))('mcp on %s', (_store, variable, url, place) => {
  it('speaks the protocol at standard input and output, writes nothing else there, and ends with its input', async () => {
    using folder = temporaryFolder()
    const { DATABASE_URL: _url, ...inherited } = process.env
    const child = spawn(process.execPath, [BIN, 'mcp', ...place], {
      cwd: folder.path,
      env: { ...inherited, [variable]: url },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
    const send = (message: object): void =>
      void child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
    const answer = async (): Promise<unknown> => JSON.parse(String((await lines.next()).value))

    const clientInfo = { name: 'by hand', version: '1' }
    send({ id: 1, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo } })
    expect(await answer()).toMatchObject({ id: 1, result: { serverInfo: { name: 'millrace' } } })
    send({ method: 'notifications/initialized' })
    send({ id: 2, method: 'tools/call', params: { name: 'doctor', arguments: {} } })
    expect(await answer()).toMatchObject({ id: 2, result: { structuredContent: { ok: false } } })
    send({ id: 3, method: 'tools/call', params: { name: 'cancel-job', arguments: { id: 1 } } })
    expect(await answer()).toMatchObject({ id: 3, result: { isError: true, structuredContent: { code: 'READ_ONLY' } } })
    send({ id: 4, method: 'tools/call', params: { name: 'list-jobs', arguments: {} } })
    expect(await answer()).toMatchObject({
      id: 4,
      result: { isError: true, structuredContent: { code: 'SCHEMA_MISSING' } },
    })
    child.stdin.end()
    expect(await lines.next()).toMatchObject({ done: true })
    expect(await ended).toBe(0)
  })
})
