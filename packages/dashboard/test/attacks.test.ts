import { readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { basicAuth, createDashboard, serveDashboard } from '@millrace/dashboard'
import { describe, expect, test } from 'vitest'
import { hasServer, useCleanup, useInstance } from './instance.ts'

const here = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')
const [SECURITY, BROWSER] = ['security.test.ts', 'browser.test.ts']

/** Every attack on what people look at that we know of, and the tests that make it; those below are of this file. */
const ATTACKS: Readonly<Record<string, readonly (readonly [file: string, test: string])[]>> = {
  'started with defaults, or open to all': [
    [SECURITY, 'it listens at this machine only, and refuses another without `authorize`'],
    ['attacks.test.ts', 'started with defaults it cannot be reached by any other address of this machine'],
  ],
  'no or wrong credentials': [
    [SECURITY, 'without `authorize` nobody else comes in, whatever name or headers they give'],
    [SECURITY, 'no or wrong credentials are 401 on every route'],
    [SECURITY, 'an `authorize` that fails, or answers nonsense, opens nothing'],
    ['attacks.test.ts', 'how long a wrong password is compared does not tell how much of it is right'],
  ],
  'cross-site requests': [
    [SECURITY, 'another site cannot change anything, nor read'],
    [SECURITY, 'no GET changes anything'],
    [BROWSER, 'the page of another site cannot cancel a job'],
  ],
  'scripts in any text': [
    [BROWSER, 'markup in any text is shown as text'],
    [SECURITY, 'every page is its own only: no scripts of others, no frames, no guessed types'],
  ],
  'DNS rebinding': [[SECURITY, 'a host that is not allowed is refused']],
  'path traversal': [[SECURITY, 'no path leads out of it (base path %s)']],
  'changes in read-only mode': [
    [SECURITY, 'read-only is kept by the server, on every route that changes'],
    [BROWSER, 'who may only read is offered nothing else'],
  ],
  'secrets in payloads': [[SECURITY, 'what is redacted never leaves the server, and survives an edit of the rest']],
  'huge lists, payloads and values': [
    [SECURITY, 'no request is much work: pages, bodies and values are bounded'],
    ['search.test.ts', 'ends after a bounded number of jobs and goes on from there'],
    ['attacks.test.ts', 'no filter is a pattern: what would be one is a text like any other'],
  ],
  'redirects, cookies, fixed sessions': [
    ['attacks.test.ts', 'it sets no cookie, keeps no session and sends nobody elsewhere'],
  ],
  'another tenant': [
    [SECURITY, 'somebody of one tenant sees and changes what is theirs, and nothing else'],
    [SECURITY, 'failures, lanes and graphs show somebody of one tenant what is theirs'],
    ['metrics.test.ts', 'are shown to nobody who may not see the whole instance'],
  ],
  'untrusted text in a terminal or an assistant': [
    [
      '../../cli/test/cli.test.ts',
      'enqueue stores what its options say, ls finds it, inspect shows it without control characters',
    ],
    [
      '../../mcp/test/mcp.test.ts',
      'lists no tool that writes, and refuses those that do whatever they are given, changing nothing',
    ],
    ['../../mcp/test/mcp.test.ts', 'shows and explains jobs, and no secrets'],
  ],
  'the supply chain': [['attacks.test.ts', 'nothing of it runs when it is installed, and it brings no other package']],
}

describe('each attack is made by a test', () => {
  test.each(Object.entries(ATTACKS))('%s', (_attack, tests) => {
    for (const [file, name] of tests)
      expect(here(file)).toMatch(new RegExp(`(?:test|it)[^\n]*\\(\\s*['\`]${literal(name)}['\`]`))
  })
})

function literal(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
}

describe.skipIf(!hasServer)('against the dashboard', () => {
  const instance = useInstance('dash_attacks')
  const cleanup = useCleanup()

  test('started with defaults it cannot be reached by any other address of this machine', async () => {
    const server = cleanup(await serveDashboard(instance.queue))
    const { port } = new URL(server.url)
    const others = Object.values(networkInterfaces())
      .flat()
      .flatMap((one) => (one === undefined || one.internal || one.family === 'IPv6' ? [] : one.address))
    for (const address of others) await expect(fetch(`http://${address}:${port}/`)).rejects.toThrow('fetch failed')
    expect((await fetch(server.url)).status).toBe(200)
  })

  test('how long a wrong password is compared does not tell how much of it is right', async () => {
    const password = 'correct horse battery staple'.repeat(40)
    const authorize = basicAuth({ username: 'ada', password })
    const wrong = [`${password.slice(0, -1)}!`, `!${password.slice(1)}`]
    const requests = wrong.map((text) => {
      const authorization = `Basic ${Buffer.from(`ada:${text}`).toString('base64')}`
      return new Request('http://localhost/', { headers: { authorization } })
    })
    const took: number[][] = [[], []]
    for (let n = 0; n < 2000; n++) {
      for (const [at, request] of requests.entries()) {
        const startedAt = performance.now()
        const answer = await authorize(request)
        took[at]?.push(performance.now() - startedAt)
        expect(answer).toMatchObject({ status: 401 })
      }
    }
    const [late = 0, early = 0] = took.map((all) => all.toSorted((a, b) => a - b)[all.length >> 1] ?? 0)
    expect(late / early).toBeGreaterThan(0.7)
    expect(late / early).toBeLessThan(1.4)
  })

  test('it sets no cookie, keeps no session and sends nobody elsewhere', async () => {
    const dashboard = createDashboard(instance.queue, { basePath: '/q' })
    const aims = ['', '/', '/api/meta', '/api/jobs', '/metrics', '/nothing'].flatMap((path) => [
      path,
      `${path}?next=https://evil.example&redirect=//evil.example&url=https://evil.example`,
    ])
    for (const aim of aims) {
      const headers = { cookie: 'session=fixed; connect.sid=fixed' }
      const answer = await dashboard(new Request(`http://localhost/q${aim}`, { headers }), {
        remoteAddress: '127.0.0.1',
      })
      expect([aim, answer.headers.get('set-cookie'), answer.headers.get('location')]).toEqual([aim, null, null])
      expect([aim, Math.floor(answer.status / 100) === 3]).toEqual([aim, false])
      expect(await answer.text()).not.toContain('evil.example')
    }
  })

  test('no filter is a pattern: what would be one is a text like any other', async () => {
    const dashboard = createDashboard(instance.queue, { basePath: '/q' })
    await instance.queue.addJobs(
      ['aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!', '%', '.*'].map((jobType) => ({ jobType, payload: {} })),
    )
    const found = async (filter: string): Promise<number> => {
      const request = new Request(`http://localhost/q/api/jobs?${filter}`)
      const answer = await dashboard(request, { remoteAddress: '127.0.0.1' })
      return ((await answer.json()) as { jobs: unknown[] }).jobs.length
    }
    for (const [pattern, count] of [
      ['(a+)+$', 0],
      ['%', 1],
      ['.*', 1],
      ["' or true --", 0],
    ] as const) {
      expect([pattern, await found(`jobType=${encodeURIComponent(pattern)}`)]).toEqual([pattern, count])
      expect([pattern, await found(`tag=${encodeURIComponent(pattern)}`)]).toEqual([pattern, 0])
      expect([pattern, await found(`groupId=${encodeURIComponent(pattern)}`)]).toEqual([pattern, 0])
    }
  })
})

describe('the package', () => {
  test('nothing of it runs when it is installed, and it brings no other package', () => {
    const described = JSON.parse(here('../package.json')) as {
      scripts?: Record<string, string>
      dependencies?: object
      optionalDependencies?: object
    }
    expect([described.dependencies, described.optionalDependencies]).toEqual([undefined, undefined])
    const lock = JSON.parse(here('../../../package-lock.json')) as {
      packages: Record<string, { hasInstallScript?: boolean; dev?: boolean; optional?: boolean; link?: boolean }>
    }
    for (const name of ['core', 'pglite', 'redis', 'dashboard', 'react', 'cli', 'mcp', 'otel', 'nestjs', 'next']) {
      const { scripts = {} } = JSON.parse(here(`../../${name}/package.json`)) as typeof described
      for (const hook of ['preinstall', 'install', 'postinstall', 'prepare']) expect(scripts).not.toHaveProperty(hook)
    }
    // Of what is installed with any of them nothing runs either.
    const running = Object.entries(lock.packages).flatMap(([name, item]) =>
      item.hasInstallScript === true && item.dev !== true && item.optional !== true ? [name] : [],
    )
    expect(running).toEqual([])
  })
})
