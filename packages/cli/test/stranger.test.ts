import { once } from 'node:events'
import { readdirSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { run, start } from './support/command.ts'
import { temporaryFolder } from './support/folder.ts'
import { Terminal } from './support/terminal.ts'

const TIME_LIMIT_MS = 90_000

describe('in a terminal, in a folder of its own', { timeout: TIME_LIMIT_MS }, () => {
  it('init and agents install', async () => {
    using folder = temporaryFolder()
    const type = async (...words: string[]): Promise<[number, string]> => {
      await using terminal = await Terminal.open(words, { cwd: folder.path })
      return [await terminal.exitCode(), await terminal.screen()]
    }
    expect(await type('init', '--no-install')).toEqual([
      0,
      expect.stringMatching(/created +jobs\.ts[^]*Next:[^]*millrace dev/),
    ])
    expect(await type('init', '--ts', '--js')).toEqual([
      2,
      expect.stringMatching(/not both[^]*do: +leave --ts or --js out/),
    ])
    expect((await type('agents', 'install', '--check'))[0]).toBe(1)
    expect(await type('agents', 'install')).toEqual([
      0,
      expect.stringMatching(/created +AGENTS\.md[^]*npx millrace mcp/),
    ])
    expect(await type('agents', 'install', '--check')).toEqual([
      0,
      expect.stringContaining('files are as they should be'),
    ])
  })

  it('mcp says who it is for, answers what is typed, and ends with its input or by Ctrl-C', async () => {
    using folder = temporaryFolder()
    for (const end of ['C-d', 'C-c']) {
      await using terminal = await Terminal.open(['mcp'], { cwd: folder.path, columns: 200 })
      await terminal.shows(/An assistant starts this/)
      const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'by hand', version: '1' } }
      await terminal.send('-l', JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params }))
      await terminal.send('Enter')
      await terminal.shows(/"serverInfo":\{"name":"millrace"/)
      await terminal.send(end)
      expect(await terminal.exitCode()).toBe(0)
    }
  })

  it('a payload can be typed, and Ctrl-C is an end of that', async () => {
    using folder = temporaryFolder()
    await using typed = await Terminal.open(['enqueue', 'mail', '-'], { cwd: folder.path })
    await typed.shows(/The payload, as JSON; Ctrl\+D ends it/)
    await typed.send('-l', '{"to"')
    await typed.send('Enter')
    await typed.send('C-d')
    expect([await typed.exitCode(), await typed.screen()]).toEqual([2, expect.stringMatching(/payload is not JSON/)])
    await using left = await Terminal.open(['enqueue', 'mail', '-'], { cwd: folder.path })
    await left.shows(/Ctrl\+D ends it/)
    await left.send('C-c')
    expect(await left.exitCode()).toBe(130)
  })
})

describe('without a terminal', { timeout: TIME_LIMIT_MS }, () => {
  it('what waits for a database that does not answer ends by one Ctrl-C', async () => {
    // It takes connections, and says nothing.
    const silent = createServer(() => {})
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const connected = once(silent, 'connection')
    const { port } = silent.address() as AddressInfo
    try {
      const { child, ended: over } = start(['ls', '--database', `postgres://a@127.0.0.1:${port}/b`])
      const [socket] = (await connected) as [Socket]
      child.kill('SIGINT')
      expect(await over).toMatchObject({ code: 130, stdout: '' })
      socket.destroy()
    } finally {
      silent.close()
    }
  })

  it('a folder does not become a database by being looked at', async () => {
    using folder = temporaryFolder()
    writeFileSync(join(folder.path, 'file'), '')
    for (const place of ['.', 'file'])
      expect(await run(['ls', '--data', place], { cwd: folder.path })).toMatchObject({
        code: 3,
        stderr: expect.stringMatching(/no embedded database in .*\n {2}do: .*millrace migrate/),
      })
    expect(readdirSync(folder.path)).toEqual(['file'])
  })

  it('a module that cannot be used says why: none there, none of ours, broken', async () => {
    using folder = temporaryFolder()
    writeFileSync(join(folder.path, 'none.mjs'), 'export const jobs = {}')
    writeFileSync(join(folder.path, 'broken.mjs'), `throw new Error('at load')`)
    const said = async (...words: string[]): Promise<string> => {
      const { code, stderr } = await run(words, { cwd: folder.path })
      expect(code).toBe(2)
      return stderr
    }
    for (const command of ['worker', 'dev'])
      expect(await said(command, 'missing.ts')).toMatch(/There is no file missing\.ts\.\n {2}do: .*millrace init/)
    expect(await said('worker', 'none.mjs')).toMatch(/exports no jobs[^]*do: +export const jobs/)
    expect(await said('worker', 'broken.mjs')).toMatch(/cannot be loaded: at load\n {2}do: .*node broken\.mjs/)
  })

  it('a payload comes from a file', async () => {
    using folder = temporaryFolder()
    writeFileSync(join(folder.path, 'payload.json'), '{"to":"ada"}')
    const place = ['--data', 'd']
    await run(['migrate', ...place], { cwd: folder.path })
    const added = await run(['enqueue', 'mail', '@payload.json', ...place], { cwd: folder.path })
    expect(added).toMatchObject({ code: 0, stdout: '1\n' })
    const { stdout } = await run(['inspect', '1', '--json', ...place], { cwd: folder.path })
    expect(JSON.parse(stdout)).toMatchObject({ job: { payload: { to: 'ada' } } })
    expect(await run(['enqueue', 'mail', '@none.json', ...place], { cwd: folder.path })).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/payload file none\.json cannot be read\.\n {2}why: ENOENT/),
    })
  })

  it('what the command line cannot be is said as every other error is, as JSON too', async () => {
    const wrong = await run(['enqueue', '--json'])
    expect([wrong.code, wrong.stdout, JSON.parse(wrong.stderr)]).toEqual([
      2,
      '',
      { error: { code: 'USAGE', message: "Missing required argument 'type'.", next: 'millrace enqueue --help' } },
    ])
    const unread = await run(['dead', 'redrive', '--limit', 'all'])
    expect(unread).toMatchObject({ code: 2, stdout: '' })
    expect(unread.stderr).toMatch(
      /^error USAGE: Option '--limit <n>' argument 'all' is invalid\. .*\n {2}do: {2}millrace dead redrive --help\n$/,
    )
    expect(await run(['dead'])).toMatchObject({ code: 2, stderr: expect.stringMatching(/^Usage: millrace dead/) })
  })

  it('a URL that cannot be read is named, not tried, and a password in it not told', async () => {
    const ended = await run(['ls', '--database', 'postgres://me:se#cret@h:x/d'])
    expect(ended).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^error CONFIG_INVALID: .*cannot be read[^]*do: .*%23/),
    })
    expect(ended.stderr).not.toContain('cret')
  })

  it('what is printed may be read in part: that is no failure, and what was asked for is done', async () => {
    using folder = temporaryFolder()
    const help = start(['completion', 'bash'], { readsOnly: 1, cwd: folder.path })
    expect(await help.ended).toMatchObject({ code: 0, stderr: '' })
    const full = await run(['completion', 'bash'], { toFullDisk: true })
    expect(full).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error FAILED: Standard output cannot be written: ENOSPC/),
    })
  })
})
