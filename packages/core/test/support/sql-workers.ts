import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterEach } from 'vitest'
import type { Lab } from './lab.ts'

const example = (name: string): string =>
  fileURLToPath(new URL(`../../../../examples/sql-only/${name}`, import.meta.url))

const WORKERS = {
  python: ['python3', example('worker.py')],
  bash: ['bash', example('worker.sh'), 'greet,fail'],
} as const

const children: ChildProcess[] = []
afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => stopExample(child, 'SIGKILL')))
})

/** A worker of `examples/sql-only` on the instance of a lab; killed after the test. */
export function startExample(kind: keyof typeof WORKERS, lab: Lab): ChildProcess {
  const [command, ...args] = WORKERS[kind]
  const child = spawn(command, args, {
    env: {
      ...process.env,
      DATABASE_URL: lab.url,
      MILLRACE_SCHEMA: lab.schema,
      LEASE: '3 seconds',
      POLL_SECONDS: '0.1',
    },
    stdio: ['ignore', 'inherit', 'inherit'],
    // A group of its own: psql and the holder of the lease go with it.
    detached: true,
  })
  children.push(child)
  return child
}

/** Resolves with how it ended. */
export async function stopExample(child: ChildProcess, signal: NodeJS.Signals): Promise<unknown> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
  const ended = once(child, 'exit')
  process.kill(signal === 'SIGKILL' ? -(child.pid ?? 0) : (child.pid ?? 0), signal)
  await ended
  return child.exitCode
}
