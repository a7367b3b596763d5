import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const programs = fileURLToPath(new URL('programs/', import.meta.url))
const modules = fileURLToPath(new URL('../../node_modules/', import.meta.url))

const RUNNERS = [
  { runner: 'node', args: ['--test', '--test-reporter=tap', 'signup.test.mjs'], passed: /^# pass 3$/m },
  { runner: 'vitest', args: [join(modules, 'vitest/vitest.mjs'), 'run'], passed: /Tests\s+3 passed \(3\)/ },
  {
    runner: 'jest',
    args: ['--experimental-vm-modules', join(modules, 'jest/bin/jest.js')],
    passed: /^Tests:\s+3 passed, 3 total$/m,
  },
]

/** The guide's program under each runner, as its user runs it: a process of its own, which has to end by itself. */
describe('millrace/testing', () => {
  test.each(RUNNERS)(
    'with $runner',
    async ({ runner, args, passed }) => {
      const { code, output } = await run(args, join(programs, runner))
      expect(output).toMatch(passed)
      expect(code).toBe(0)
    },
    120_000,
  )
})

async function run(args: readonly string[], cwd: string): Promise<{ code: number | null; output: string }> {
  // Without what this runner tells its own workers.
  const own = /^(?:VITEST|NODE_OPTIONS|NODE_TEST_CONTEXT|TEST$|NODE_ENV$)/
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.test(name)))
  const child = spawn(process.execPath, args, { cwd, env: { ...env, NO_COLOR: '1', CI: 'true' } })
  const ended = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  return { code, output: out + err }
}
